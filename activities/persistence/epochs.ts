import type { EpochStart } from "../../workflows/checkpoints";
import type { Queries } from "./database";

/** The next epoch of a subject: from here on, whatever an earlier dispatch still writes is void. */
export async function nextEpoch(db: Queries, run: string, subject: string): Promise<number> {
  const { rows } = await db.query<{ epoch: number }>(
    `INSERT INTO subjects AS known (subject, run, epoch) VALUES ($1, $2, 1)
     ON CONFLICT (subject) DO UPDATE SET epoch = known.epoch + 1
     RETURNING epoch`,
    [subject, run],
  );
  return (rows[0] as { epoch: number }).epoch;
}

export async function openEpoch(
  db: Queries,
  subject: string,
  epoch: number,
  offeredStep: number,
): Promise<void> {
  await db.query(
    "INSERT INTO epochs (subject, epoch, offered_step) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    [subject, epoch, offeredStep],
  );
}

/**
 * The dispatches of a subject whose checkpoints may be resumed from. One that has not reported where it took up the
 * work cannot have done so beyond what it was offered.
 */
export async function epochStarts(db: Queries, subject: string): Promise<EpochStart[]> {
  const { rows } = await db.query<EpochStart>(
    `SELECT epochs.epoch, coalesce(from_step, offered_step) AS "fromStep"
     FROM epochs JOIN subjects USING (subject) WHERE subject = $1 AND epochs.epoch > subjects.floor ORDER BY epochs.epoch`,
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
