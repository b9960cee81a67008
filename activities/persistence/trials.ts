import type { OpenTrial, RungRecord, TrialOutcome } from "../../workflows/contracts";
import { TrialEndState } from "../../workflows/contracts";
import { failure } from "../failure";
import { type Database, jsonb, type Queries } from "./database";
import { isEarlierStart } from "./runs";

const ended = TrialEndState.options.map((state) => `'${state}'`).join(", ");

/**
 * Opens the rows of new trials. A row that the same execution opened is left as it is; one that another execution
 * opened (before a reset, or a new start of the run) is opened afresh, and any beyond them goes. Checkpoints of another trial under the same
 * number, one with other parameters or another seed, are fenced off.
 */
export async function openTrials(
  db: Database,
  run: string,
  trials: readonly OpenTrial[],
  execution: string,
): Promise<void> {
  const rows = jsonb(trials);
  const opened = `jsonb_to_recordset($2::jsonb) AS t (trial integer, "workflowId" text, params jsonb, "modelBased" boolean,
                  "tellCount" integer, pending jsonb, seed bigint, "replicateOf" integer)`;
  await db.transaction(async (tx) => {
    await tx.query(
      `INSERT INTO subjects AS known (subject, run, identity)
       SELECT t."workflowId", $1, jsonb_build_object('params', t.params, 'seed', t.seed) FROM ${opened}
       ON CONFLICT (subject) DO UPDATE SET floor = known.epoch, identity = excluded.identity
       WHERE known.identity IS DISTINCT FROM excluded.identity`,
      [run, rows],
    );
    await tx.query(
      `DELETE FROM rungs USING trials AS known, ${opened}
       WHERE rungs.run = $1 AND known.run = $1 AND known.trial = rungs.trial AND t.trial = rungs.trial AND known.opened_by <> $3`,
      [run, rows, execution],
    );
    // Rows beyond, which another execution opened, are of a branch that a reset has cut off.
    for (const table of ["rungs", "artifacts", "trials"])
      await tx.query(
        `DELETE FROM ${table} USING (
           SELECT known.trial FROM trials AS known
           WHERE known.run = $1 AND known.opened_by <> $3 AND known.trial > (SELECT max(t.trial) FROM ${opened})
         ) AS cut WHERE ${table}.run = $1 AND ${table}.trial = cut.trial`,
        [run, rows, execution],
      );
    await tx.query(
      `INSERT INTO trials AS known (trial_id, run, trial, state, params, model_based, tell_count, pending, seed, replicate_of, opened_by)
       SELECT t."workflowId", $1, t.trial, 'pending', t.params, t."modelBased", t."tellCount",
              ARRAY(SELECT e::integer FROM jsonb_array_elements_text(t.pending) WITH ORDINALITY AS p (e, n) ORDER BY n), t.seed, t."replicateOf", $3
       FROM ${opened}
       ON CONFLICT (trial_id) DO UPDATE SET
         state = 'pending', params = excluded.params, model_based = excluded.model_based, tell_count = excluded.tell_count,
         pending = excluded.pending, seed = excluded.seed, replicate_of = excluded.replicate_of,
         opened_by = excluded.opened_by, tell_ordinal = NULL, value = NULL, step = 0, metrics = '{}',
         trainable_params = NULL, gpu_seconds = 0, checkpoint = NULL, adapter = NULL, adapter_sha256 = NULL,
         init_sha256 = NULL, error = NULL, created_at = now(), ended_at = NULL
       WHERE known.opened_by <> excluded.opened_by`,
      [run, rows, execution],
    );
  });
}

/** A trial's first dispatch: it no longer waits for its turn. */
export async function markRunning(db: Queries, subject: string): Promise<void> {
  await db.query("UPDATE trials SET state = 'running' WHERE trial_id = $1 AND state = 'pending'", [subject]);
}

/**
 * Takes back the end of a trial that house-keeping closed before it was ever dispatched: its experiment was terminated
 * and then reset, so that it is the trial's turn after all. An end with a place among the tells stays.
 */
export async function reopenUndispatched(db: Queries, subject: string): Promise<void> {
  await db.query(
    `UPDATE trials SET state = 'pending', error = NULL, ended_at = NULL
     WHERE trial_id = $1 AND state = 'cancelled' AND tell_ordinal IS NULL
       AND NOT EXISTS (SELECT 1 FROM epochs WHERE subject = trial_id AND started_at >= trials.created_at)`,
    [subject],
  );
}

/** The end state on record of the trial that the subject is; undefined where it has none, or is no trial. */
export async function trialEnd(db: Queries, subject: string): Promise<TrialEndState | undefined> {
  const { rows } = await db.query<{ state: TrialEndState }>(
    `SELECT state FROM trials WHERE trial_id = $1 AND state IN (${ended})`,
    [subject],
  );
  return rows[0]?.state;
}

/** Refuses work on a trial whose end is on record: its workflow was reset after that. */
export async function requireNoEnd(db: Queries, subject: string): Promise<void> {
  const state = await trialEnd(db, subject);
  if (state === undefined) return;
  const message = `${subject} has ended (${state}): what came of it is on record, and stays as it is`;
  throw failure("Cancelled", message, { permanent: true });
}

export async function recordRung(
  db: Database,
  { run, ordinal, report, verdict, seen }: RungRecord,
): Promise<void> {
  const { trial, rung, step, value, metrics } = report;
  await db.transaction(async (tx) => {
    // After a reset the experiment may take the reports in another order; the newer order is the record.
    await tx.query("DELETE FROM rungs WHERE run = $1 AND ordinal = $2 AND (trial, rung) <> ($3, $4)", [
      run,
      ordinal,
      trial,
      rung,
    ]);
    await tx.query(
      `INSERT INTO rungs (run, ordinal, trial, rung, step, value, metrics, verdict, seen)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
       ON CONFLICT (run, trial, rung) DO UPDATE SET ordinal = excluded.ordinal, step = excluded.step,
         value = excluded.value, metrics = excluded.metrics, verdict = excluded.verdict, seen = excluded.seen`,
      [run, ordinal, trial, rung, step, value, jsonb(metrics), verdict, seen],
    );
    await tx.query(
      `UPDATE trials SET step = greatest(step, $3) WHERE run = $1 AND trial = $2 AND state NOT IN (${ended})`,
      [run, trial, step],
    );
  });
}

/**
 * Closes a trial's row. An end state on record is never replaced; only its place among the tells may be set later. An
 * outcome that knows of no step is one from outside: the step that the trial's rungs have told of stays. With a `chain`,
 * the outcome is of that start of the run, and of none where the run was started anew.
 */
export async function recordOutcome(
  db: Database,
  run: string,
  ordinal: number | null,
  outcome: TrialOutcome,
  chain?: string | null,
): Promise<void> {
  await db.transaction(async (tx) => {
    if (await isEarlierStart(tx, run, chain)) return;
    if (ordinal !== null)
      await tx.query(
        "UPDATE trials SET tell_ordinal = NULL WHERE run = $1 AND tell_ordinal = $2 AND trial <> $3",
        [run, ordinal, outcome.trial],
      );
    const { rowCount } = await tx.query(
      `UPDATE trials SET state = $3, value = $4, step = coalesce(nullif($5, 0), step), metrics = $6, trainable_params = $7, gpu_seconds = $8,
         checkpoint = $9, adapter = $10, adapter_sha256 = $11, error = $12, tell_ordinal = $13, init_sha256 = $14, ended_at = now()
       WHERE run = $1 AND trial = $2 AND state NOT IN (${ended})`,
      [
        run,
        outcome.trial,
        outcome.state,
        outcome.value,
        outcome.step,
        jsonb(outcome.metrics),
        outcome.trainableParams,
        outcome.gpuSeconds,
        jsonb(outcome.checkpoint),
        jsonb(outcome.adapter),
        outcome.adapterSha256,
        jsonb(outcome.error),
        ordinal,
        outcome.initSha256 ?? null,
      ],
    );
    if (rowCount === 1) return;
    const known = await tx.query(
      "UPDATE trials SET tell_ordinal = coalesce($3, tell_ordinal) WHERE run = $1 AND trial = $2",
      [run, outcome.trial, ordinal],
    );
    if (known.rowCount === 0) throw failure("NotFound", `trial ${outcome.trial} of ${run} was never opened`);
  });
}

export interface OpenTrialRow {
  run: string;
  trial: number;
  workflowId: string;
}

/** Open trials of a namespace's runs that have ended: nobody is left to close them. */
export async function abandonedTrials(db: Queries, namespace: string): Promise<OpenTrialRow[]> {
  const { rows } = await db.query<OpenTrialRow>(
    `SELECT trials.run, trial, trial_id AS "workflowId" FROM trials JOIN runs USING (run)
     WHERE trials.state NOT IN (${ended}) AND runs.ended_at IS NOT NULL AND namespace = $1
     ORDER BY trials.run, trial`,
    [namespace],
  );
  return rows;
}

/** Closes the row of a trial whose workflow is gone. */
export async function closeTrial(db: Queries, workflowId: string, message: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE trials SET state = 'cancelled', error = $2, ended_at = now() WHERE trial_id = $1 AND state NOT IN (${ended})`,
    [workflowId, jsonb({ type: "Cancelled", message })],
  );
  return rowCount === 1;
}
