import type { CheckpointRef, NamedArtifact, TrialParams, TrialState } from "../../workflows/contracts";
import type { Queries } from "./database";

/** A trial's row as others read it. */
export interface TrialRow {
  trial: number;
  workflowId: string;
  state: TrialState;
  params: TrialParams;
  modelBased: boolean;
  tellCount: number;
  pending: number[];
  seed: number;
  replicateOf: number | null;
  tellOrdinal: number | null;
  value: number | null;
  step: number;
  metrics: Record<string, number>;
  trainableParams: number | null;
  checkpoint: CheckpointRef | null;
  adapter: NamedArtifact[] | null;
  adapterSha256: string | null;
}

const columns = `trial, trial_id AS "workflowId", state, params, model_based AS "modelBased", tell_count AS "tellCount", pending,
  seed, replicate_of AS "replicateOf", tell_ordinal AS "tellOrdinal", value, step, metrics,
  trainable_params AS "trainableParams", checkpoint, adapter, adapter_sha256 AS "adapterSha256"`;

export async function listTrials(db: Queries, run: string): Promise<TrialRow[]> {
  const { rows } = await db.query<TrialRow>(`SELECT ${columns} FROM trials WHERE run = $1 ORDER BY trial`, [
    run,
  ]);
  return rows;
}

export async function readTrial(db: Queries, run: string, trial: number): Promise<TrialRow | undefined> {
  const { rows } = await db.query<TrialRow>(`SELECT ${columns} FROM trials WHERE run = $1 AND trial = $2`, [
    run,
    trial,
  ]);
  return rows[0];
}
