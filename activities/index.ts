import type { Client } from "@temporalio/client";
import type { KernelActivities, ResolvedSpec } from "../workflows/contracts";
import { createAdapterActivities } from "./adapters";
import type { ObjectStore } from "./artifacts/object-store";
import { createCheckpointActivities } from "./checkpoints";
import { createManifestActivities } from "./manifest";
import type { Signer } from "./manifest/signature";
import { createPersistenceActivities } from "./persistence";
import type { Database } from "./persistence/database";
import { createReconcileActivities } from "./reconcile";
import { createReportActivities } from "./report";
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
  /** Signs manifests and checks their signatures; null: they stay unsigned. */
  signer: Signer | null;
}

/** Every activity of the kernel worker, by its name on the wire. */
export const createKernelActivities = (deps: KernelDependencies): KernelActivities => ({
  ...createSpecActivities(deps),
  ...createPersistenceActivities(deps),
  ...createCheckpointActivities(deps),
  ...createTraceActivities(deps),
  ...createReconcileActivities(deps),
  ...createReportActivities(deps),
  ...createAdapterActivities(deps),
  ...createManifestActivities(deps),
  ...createVerifyActivities(deps),
});
