import type { Client } from "@temporalio/client";
import type { KernelActivities, ResolvedSpec } from "../workflows/contracts";
import type { ObjectStore } from "./artifacts/object-store";
import { createAdapterActivities } from "./adapters";
import { createCheckpointActivities } from "./checkpoints";
import { createManifestActivities } from "./manifest";
import { createPersistenceActivities } from "./persistence";
import type { Database } from "./persistence/database";
import { createReconcileActivities } from "./reconcile";
import { createSpecActivities } from "./spec";
import { createTraceActivities } from "./trace";
import { createVerifyActivities } from "./verify";

/** Everything that activities need from outside. Built once, in workers/. */
export interface KernelDependencies {
  db: Database;
  store: ObjectStore;
  temporal: Client;
  code: ResolvedSpec["code"];
  /** The folder of package.json and the lock files. */
  root: string;
}

/** Every activity of the kernel worker, by its name on the wire. */
export const createKernelActivities = (deps: KernelDependencies): Partial<KernelActivities> => ({
  ...createSpecActivities(deps),
  ...createPersistenceActivities(deps),
  ...createCheckpointActivities(deps),
  ...createTraceActivities(deps),
  ...createReconcileActivities(deps),
  ...createAdapterActivities(deps),
  ...createManifestActivities(deps),
  ...createVerifyActivities(deps),
});
