import type { EpochStart } from "../../workflows/checkpoints";
import type { Database, Queries } from "./database";

/**
 * The next epoch of a subject: from here on, whatever an earlier dispatch still writes is void. A dispatch that asks
 * again gets the epoch that it has, so that a late repetition overtakes no job.
 */
export async function nextEpoch(
  db: Database,
  run: string,
  subject: string,
  dispatch: string | null = null,
): Promise<number> {
  return db.transaction(async (tx) => {
    await tx.query("INSERT INTO subjects (subject, run) VALUES ($1, $2) ON CONFLICT DO NOTHING", [
      subject,
      run,
    ]);
    const newest = await lockSubject(tx, subject);
    const { rows } = await tx.query<{ epoch: number }>(
      "SELECT epoch FROM epochs WHERE subject = $1 AND dispatch = $2",
      [subject, dispatch],
    );
    const [known] = rows;
    if (known) return known.epoch;
    const epoch = newest + 1;
    await tx.query("UPDATE subjects SET epoch = $2 WHERE subject = $1", [subject, epoch]);
    await tx.query(
      `INSERT INTO epochs (subject, epoch, dispatch) VALUES ($1, $2, $3)
       ON CONFLICT (subject, epoch) DO UPDATE SET dispatch = excluded.dispatch`,
      [subject, epoch, dispatch],
    );
    return epoch;
  });
}

/** Notes the newest step that a dispatch is offered; answers with it, as it was noted first. */
export async function openEpoch(
  db: Queries,
  subject: string,
  epoch: number,
  offeredStep: number,
): Promise<number> {
  const { rows } = await db.query<{ offeredStep: number }>(
    `UPDATE epochs SET offered_step = coalesce(offered_step, $3) WHERE subject = $1 AND epoch = $2
     RETURNING offered_step AS "offeredStep"`,
    [subject, epoch, offeredStep],
  );
  return (rows[0] as { offeredStep: number }).offeredStep;
}

/**
 * The dispatches of a subject whose checkpoints may be resumed from; one that is being prepared is none of them yet.
 * One that has not reported where it took up the work cannot have done so beyond what it was offered.
 */
export async function epochStarts(db: Queries, subject: string): Promise<EpochStart[]> {
  const { rows } = await db.query<EpochStart>(
    `SELECT epochs.epoch, coalesce(from_step, offered_step) AS "fromStep"
     FROM epochs JOIN subjects USING (subject) WHERE subject = $1 AND epochs.epoch > subjects.floor
       AND coalesce(from_step, offered_step) IS NOT NULL ORDER BY epochs.epoch`,
    [subject],
  );
  return rows;
}

/** Holds off other decisions about the subject until the transaction ends; answers with its newest epoch. */
export async function lockSubject(tx: Queries, subject: string): Promise<number> {
  const { rows } = await tx.query<{ epoch: number }>(
    "SELECT epoch FROM subjects WHERE subject = $1 FOR UPDATE",
    [subject],
  );
  return rows[0]?.epoch ?? 0;
}
