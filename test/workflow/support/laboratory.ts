import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  bundleWorkflowCode,
  DefaultLogger,
  Runtime,
  Worker,
  type WorkflowBundleOption,
} from "@temporalio/worker";
import { TaskQueues } from "../../../workflows/contracts";
import type { TemporalServer } from "../../support/temporal";
import { Bench } from "./bench";
import { kernelActivities } from "./kernel-activities";
import { mlActivities } from "./ml-activities";
import { Records } from "./records";

/** The sources where they are at hand, the compiled files where this runs compiled. */
const workflowsPath = (): string => {
  const folder = join(__dirname, "..", "..", "..", "workflows");
  return ["index.ts", "index.js"]
    .map((name) => join(folder, name))
    .find((path) => existsSync(path)) as string;
};

let bundle: Promise<WorkflowBundleOption> | undefined;

/** The workflows as the kernel worker would run them. */
export function workflowBundle(): Promise<WorkflowBundleOption> {
  bundle ??= bundleWorkflowCode({
    workflowsPath: workflowsPath(),
    logger: new DefaultLogger("ERROR"),
  });
  return bundle;
}

export interface Laboratory {
  records: Records;
  bench: Bench;
  /** Runs the body while the workers poll, and stops them afterwards. */
  open<T>(body: () => Promise<T>): Promise<T>;
  /** While open: stops the worker that runs workflows, and starts another on today's code; `between` has none. */
  upgrade(between?: () => Promise<void>): Promise<void>;
}

/**
 * The activities of the contract in memory: training follows a known curve, and tests may hold it at a step. They
 * exercise the orchestration and nothing else; the real activities have tests of their own.
 *
 * `firstWorkflows`: what runs until `upgrade`; default today's.
 */
export async function createLaboratory(
  server: TemporalServer,
  seats = 4,
  firstWorkflows?: WorkflowBundleOption,
): Promise<Laboratory> {
  const records = new Records();
  const bench = new Bench(records, seats);
  const shared = {
    connection: server.connection,
    maxHeartbeatThrottleInterval: "1s" as const,
    identity: "laboratory",
  };
  const newKernel = (identity: string, bundled: WorkflowBundleOption) =>
    Worker.create({
      ...shared,
      identity,
      taskQueue: TaskQueues.kernel,
      workflowBundle: bundled,
      activities: kernelActivities(records, server.client, bench),
    });
  const workers = await Promise.all([
    newKernel("kernel", firstWorkflows ?? (await workflowBundle())),
    Worker.create({ ...shared, taskQueue: TaskQueues.ml, activities: mlActivities(records, bench) }),
    Worker.create({ ...shared, taskQueue: TaskQueues.gpuPool, activities: bench.poolActivities() }),
  ]);
  const newEngine = async () => {
    const id = randomUUID().slice(0, 8);
    const worker = await Worker.create({
      ...shared,
      taskQueue: `${TaskQueues.gpuPool}-${id}`,
      activities: bench.engineActivities(id),
    });
    bench.install(id, worker);
    workers.push(worker);
    return worker;
  };
  await newEngine();
  const running: Promise<void>[] = [];
  return {
    records,
    bench,
    upgrade: async (between) => {
      workers[0]?.shutdown();
      await running[0];
      await between?.();
      const kernel = await newKernel("upgraded-kernel", await workflowBundle());
      workers.push(kernel);
      running.push(kernel.run());
    },
    open: async (body) => {
      running.push(...workers.map((worker) => worker.run()));
      bench.onReplace(async () => {
        const worker = await newEngine();
        running.push(worker.run());
      });
      try {
        return await body();
      } finally {
        bench.close();
        for (const worker of workers) if (worker.getState() === "RUNNING") worker.shutdown();
        await Promise.all(running);
      }
    },
  };
}

/** Keeps the SDK's own log out of the test report. */
export const quietRuntime = (): void => {
  Runtime.install({
    logger: new DefaultLogger("ERROR"),
    telemetryOptions: { logging: { filter: "ERROR", forward: {} } },
  });
};
