import type { RunRecord } from "../../workflows/contracts";
import { isRunEnded } from "../../workflows/contracts/states";
import { failure } from "../failure";
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
  const { run, chain, name, state, stage, specSha256, inputsSha256, spec, best, error, result } = record;
  const ended = isRunEnded(state);
  if (specSha256)
    await clearEarlierStart(db, run, {
      specSha256,
      inputsSha256: inputsSha256 ?? null,
      chain: chain ?? null,
      execution,
    });
  await db.query(
    `INSERT INTO runs AS known (run, name, state, stage, spec_sha256, spec, best_trial, best_value, error, result,
                                ended_at, ended_by, namespace, chain, inputs_sha256)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, CASE WHEN $11 THEN now() END, CASE WHEN $11 THEN $12 END, $14, $15, $16)
     ON CONFLICT (run) DO UPDATE SET
       name = excluded.name, state = excluded.state, stage = excluded.stage,
       spec_sha256 = coalesce(excluded.spec_sha256, known.spec_sha256),
       inputs_sha256 = coalesce(excluded.inputs_sha256, known.inputs_sha256),
       spec = coalesce(excluded.spec, known.spec),
       best_trial = CASE WHEN $13 THEN excluded.best_trial ELSE known.best_trial END,
       best_value = CASE WHEN $13 THEN excluded.best_value ELSE known.best_value END,
       error = excluded.error,
       result = CASE WHEN known.ended_at IS NULL OR $11 THEN coalesce(excluded.result, known.result) ELSE excluded.result END,
       reproducibility = CASE WHEN known.ended_at IS NULL OR $11 THEN known.reproducibility END,
       created_at = CASE WHEN excluded.chain <> known.chain THEN now() ELSE known.created_at END,
       updated_at = now(), ended_at = excluded.ended_at, ended_by = excluded.ended_by,
       namespace = excluded.namespace, chain = coalesce(excluded.chain, known.chain)
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
      // Whose the rows are is settled once the spec is known: only then are those of an earlier start cleared.
      specSha256 ? (chain ?? null) : null,
      inputsSha256 ?? null,
    ],
  );
}

/** What a start of a run goes by. Null for a workflow of a version that did not tell it. */
interface Start {
  specSha256: string;
  inputsSha256: string | null;
  chain: string | null;
  execution: string;
}

/**
 * Of an earlier start of the run, no trial may be chosen or reported; what this execution itself has opened stays.
 * Where the settings or the files were others too, no checkpoint may be resumed from.
 */
async function clearEarlierStart(
  db: Queries,
  run: string,
  { specSha256, inputsSha256, chain, execution }: Start,
): Promise<void> {
  const { rows } = await db.query<{ otherWork: boolean; otherChain: boolean }>(
    `SELECT coalesce(spec_sha256 <> $2, false) OR coalesce(inputs_sha256 <> $4, false) AS "otherWork",
            coalesce(chain <> $3, false) AS "otherChain"
     FROM runs WHERE run = $1`,
    [run, specSha256, chain, inputsSha256],
  );
  const [known] = rows;
  if (!known?.otherWork && !known?.otherChain) return;
  if (known.otherWork) await db.query("UPDATE subjects SET floor = epoch WHERE run = $1", [run]);
  const own = "SELECT trial FROM trials WHERE run = $1 AND opened_by = $2";
  await db.query(`DELETE FROM artifacts WHERE run = $1 AND NOT EXISTS (${own})`, [run, execution]);
  await db.query(`DELETE FROM rungs WHERE run = $1 AND trial NOT IN (${own})`, [run, execution]);
  await db.query("DELETE FROM trials WHERE run = $1 AND opened_by <> $2", [run, execution]);
}

/** First run id of the execution chain that a caller belongs to, where it told. */
type Chain = string | null | undefined;

/** Whether the run was started anew since the start with this chain; false where either is not known. */
export async function isEarlierStart(db: Queries, run: string, chain: Chain): Promise<boolean> {
  if (chain === null || chain === undefined) return false;
  const { rowCount } = await db.query("SELECT 1 FROM runs WHERE run = $1 AND chain <> $2", [run, chain]);
  return rowCount === 1;
}

/** Refuses work for an earlier start of the run: trials of the same numbers are others now. */
export async function requireNewestStart(db: Queries, run: string, chain: Chain): Promise<void> {
  if (!(await isEarlierStart(db, run, chain))) return;
  throw failure("Cancelled", `${run} was started anew, and this is of the start before`, { permanent: true });
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
