import type { ArtifactRef, NamedArtifact, StoreTrialInput } from "../../workflows/contracts";
import { trialKey } from "../artifacts/keys";
import type { ObjectStore } from "../artifacts/object-store";
import { type ArtifactRow, recordArtifacts } from "../persistence/artifacts";
import type { Database } from "../persistence/database";
import { requireNewestStart } from "../persistence/runs";
import { requireNoEnd } from "../persistence/trials";
import { adapterFiles, publishFolder } from "./files";

/** Publishes a completed trial's adapter and metrics under the run. The rows come last: what they name is there. */
export async function storeTrial(
  { db, store }: { db: Database; store: ObjectStore },
  { run, trial, subject, chain, checkpoint, evaluation }: StoreTrialInput,
): Promise<{ adapter: NamedArtifact[]; metrics: ArtifactRef }> {
  await requireNewestStart(db, run, chain);
  await requireNoEnd(db, subject);
  const files = await adapterFiles(store, checkpoint);
  const adapter = await publishFolder(store, files, trialKey(run, trial, "adapter"));
  const metrics = await store.copy(evaluation.metricsJson, trialKey(run, trial, "metrics.json"));
  const rows: ArtifactRow[] = [
    ...adapter.map(({ path, ref }) => ({
      name: `trials/${trial}/adapter/${path}`,
      trial,
      kind: "adapter" as const,
      ref,
    })),
    { name: `trials/${trial}/metrics.json`, trial, kind: "metrics", ref: metrics },
  ];
  await recordArtifacts(db, run, rows);
  return { adapter, metrics };
}
