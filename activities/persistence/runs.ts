import type { RunRecord } from "../../workflows/contracts";
import { isRunEnded } from "../../workflows/contracts/states";
import { jsonb, type Queries } from "./database";

/**
 * Writes what is known about a run. A run that has ended is opened again only by another execution of its workflow,
 * so that a late repetition of an earlier write changes nothing. `execution` is the caller's Temporal run id.
 */
export async function recordRun(
  db: Queries,
  record: RunRecord,
  execution: string,
  namespace: string | null = null,
): Promise<void> {
  const { run, name, state, stage, specSha256, spec, best, error, result } = record;
  const ended = isRunEnded(state);
  if (specSha256) await clearOtherSpec(db, run, specSha256, execution);
  await db.query(
    `INSERT INTO runs AS known (run, name, state, stage, spec_sha256, spec, best_trial, best_value, error, result,
                                ended_at, ended_by, namespace)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, CASE WHEN $11 THEN now() END, CASE WHEN $11 THEN $12 END, $14)
     ON CONFLICT (run) DO UPDATE SET
       name = excluded.name, state = excluded.state, stage = excluded.stage,
       spec_sha256 = coalesce(excluded.spec_sha256, known.spec_sha256),
       spec = coalesce(excluded.spec, known.spec),
       best_trial = CASE WHEN $13 THEN excluded.best_trial ELSE known.best_trial END,
       best_value = CASE WHEN $13 THEN excluded.best_value ELSE known.best_value END,
       error = excluded.error,
       result = coalesce(excluded.result, known.result),
       updated_at = now(), ended_at = excluded.ended_at, ended_by = excluded.ended_by,
       namespace = excluded.namespace
     WHERE $11 OR known.ended_by IS DISTINCT FROM $12`,
    [
      run,
      name,
      state,
      stage,
      specSha256 ?? null,
      jsonb(spec),
      best?.trial ?? null,
      best?.value ?? null,
      jsonb(error),
      jsonb(result),
      ended,
      execution,
      best !== undefined,
      namespace,
    ],
  );
}

/**
 * Of an earlier experiment of the same id, but with other settings, no checkpoint may be resumed from, and no trial may
 * be chosen or reported. What this execution itself has opened stays.
 */
async function clearOtherSpec(
  db: Queries,
  run: string,
  specSha256: string,
  execution: string,
): Promise<void> {
  const { rowCount } = await db.query("SELECT FROM runs WHERE run = $1 AND spec_sha256 <> $2", [
    run,
    specSha256,
  ]);
  if (rowCount === 0) return;
  await db.query("UPDATE subjects SET floor = epoch WHERE run = $1", [run]);
  const own = "SELECT trial FROM trials WHERE run = $1 AND opened_by = $2";
  await db.query(`DELETE FROM artifacts WHERE run = $1 AND NOT EXISTS (${own})`, [run, execution]);
  await db.query(`DELETE FROM rungs WHERE run = $1 AND trial NOT IN (${own})`, [run, execution]);
  await db.query("DELETE FROM trials WHERE run = $1 AND opened_by <> $2", [run, execution]);
}

export async function recordReproducibility(db: Queries, run: string, verdict: unknown): Promise<boolean> {
  const { rowCount } = await db.query(
    "UPDATE runs SET reproducibility = $2, updated_at = now() WHERE run = $1",
    [run, jsonb(verdict)],
  );
  return rowCount === 1;
}

/** Runs of a namespace without an end on record. */
export async function openRuns(db: Queries, namespace: string): Promise<string[]> {
  const { rows } = await db.query<{ run: string }>(
    "SELECT run FROM runs WHERE ended_at IS NULL AND namespace = $1 ORDER BY run",
    [namespace],
  );
  return rows.map(({ run }) => run);
}

/** Ends a run whose workflow is gone; a run that recorded its own end keeps it. */
export async function closeRun(
  db: Queries,
  run: string,
  state: "failed" | "cancelled",
  message: string,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE runs SET state = $2, error = $3, updated_at = now(), ended_at = now(), ended_by = NULL
     WHERE run = $1 AND ended_at IS NULL`,
    [run, state, jsonb({ type: state === "cancelled" ? "Cancelled" : "Internal", message })],
  );
  return rowCount === 1;
}
