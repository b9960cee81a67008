import { proxyActivities, proxyLocalActivities } from "@temporalio/workflow";
import type {
  EngineActivities,
  KernelActivities,
  MlActivities,
  PoolActivities,
} from "./contracts/activities";
import { Turns } from "./reliability/in-turn";
import * as policies from "./reliability/policies";

/** Every activity that a workflow may call, each with the policy of its class of work. */

type Local =
  | "run.record"
  | "run.isOpen"
  | "run.cancel"
  | "trials.open"
  | "trials.recordRung"
  | "trials.recordOutcome"
  | "dispatch.prepare"
  | "checkpoint.commit"
  | "trace.append";

// The sandbox evaluates this module once per workflow execution, so turns are kept within one.
const turns = new Turns();

/** Short database work: local activities, one at a time. */
export const database = turns.of(
  proxyLocalActivities<Pick<KernelActivities, Local>>(policies.shortDatabaseWork),
);

/** The first words with Postgres, whose failure a person should hear of soon. */
export const intake = turns.of(
  proxyLocalActivities<Pick<KernelActivities, "run.record">>(policies.firstContact),
);

export const resolver = proxyActivities<Pick<KernelActivities, "spec.resolve">>(policies.resolving);

export const kernel = proxyActivities<Omit<KernelActivities, Local | "spec.resolve">>(policies.kernelWork);

export const skills = proxyActivities<Omit<MlActivities, "hpo.tell">>(policies.skillWork);

export const mirror = proxyActivities<Pick<MlActivities, "hpo.tell">>(policies.mirrorWork);

export const pool = proxyActivities<PoolActivities>(policies.seatRequest);

/** The activities of one engine; its queue comes with the seat. */
export const engine = (taskQueue: string, timeoutSeconds: number) =>
  proxyActivities<Omit<EngineActivities, "gpu.releaseSeat">>(policies.engineWork(taskQueue, timeoutSeconds));

export const seats = (taskQueue: string) =>
  proxyActivities<Pick<EngineActivities, "gpu.releaseSeat">>(policies.seatRelease(taskQueue));
