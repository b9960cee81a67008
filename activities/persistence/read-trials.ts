import type {
  CheckpointRef,
  NamedArtifact,
  TrialOutcome,
  TrialParams,
  TrialState,
} from "../../workflows/contracts";
import { TrialEndState } from "../../workflows/contracts";
import type { Queries } from "./database";

/** A trial's row as others read it. */
export interface StoredTrial {
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
  initSha256: string | null;
  gpuSeconds: number;
  error: { type: string; message: string } | null;
  endedAt: Date | null;
}

const columns = `trial, trial_id AS "workflowId", state, params, model_based AS "modelBased", tell_count AS "tellCount", pending,
  seed, replicate_of AS "replicateOf", tell_ordinal AS "tellOrdinal", value, step, metrics,
  trainable_params AS "trainableParams", checkpoint, adapter, adapter_sha256 AS "adapterSha256", init_sha256 AS "initSha256",
  gpu_seconds AS "gpuSeconds", error, ended_at AS "endedAt"`;

export async function listTrials(db: Queries, run: string): Promise<StoredTrial[]> {
  const { rows } = await db.query<StoredTrial>(
    `SELECT ${columns} FROM trials WHERE run = $1 ORDER BY trial`,
    [run],
  );
  return rows;
}

export async function readTrial(db: Queries, run: string, trial: number): Promise<StoredTrial | undefined> {
  const { rows } = await db.query<StoredTrial>(
    `SELECT ${columns} FROM trials WHERE run = $1 AND trial = $2`,
    [run, trial],
  );
  return rows[0];
}

/** Of these trials, the outcomes that are on record. */
export async function readOutcomes(
  db: Queries,
  run: string,
  trials: readonly number[],
): Promise<TrialOutcome[]> {
  const { rows } = await db.query<TrialOutcome>(
    `SELECT trial, state, value, step, metrics, trainable_params AS "trainableParams", gpu_seconds AS "gpuSeconds",
            checkpoint, adapter, adapter_sha256 AS "adapterSha256", init_sha256 AS "initSha256", error
     FROM trials WHERE run = $1 AND trial = ANY($2) AND state = ANY($3) ORDER BY trial`,
    [run, trials, TrialEndState.options],
  );
  return rows;
}
