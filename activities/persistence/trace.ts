import { type TraceEvent, trainerEvents } from "../../workflows/contracts";
import { jsonb, type Queries } from "./database";

/** Serialises the writers of one run's trace until their transactions end. */
export const lockTrace = (tx: Queries, run: string) =>
  tx.query("SELECT pg_advisory_xact_lock(hashtextextended('trace:' || $1, 0))", [run]);

/** Each event once: what is on record already is left out. Answers with how many were new. */
export async function insertEvents(tx: Queries, events: readonly TraceEvent[]): Promise<number> {
  if (events.length === 0) return 0;
  const { rowCount } = await tx.query(
    `INSERT INTO trace_events (run, source, seq, at, subject, epoch, kind, data)
     SELECT run, source, seq, at, subject, epoch, kind, data
     FROM jsonb_to_recordset($1::jsonb) AS e (run text, source text, seq bigint, at timestamptz, subject text, epoch integer, kind text, data jsonb)
     ON CONFLICT DO NOTHING`,
    [jsonb(events)],
  );
  return rowCount ?? 0;
}

export interface Resumption {
  subject: string;
  epoch: number;
  fromStep: number;
}

export interface MetricValue {
  subject: string;
  epoch: number;
  step: number;
  name: string;
  value: number;
}

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

export const resumptionsOf = (events: readonly TraceEvent[]): Resumption[] =>
  events.flatMap(({ kind, subject, epoch, data }) =>
    kind === trainerEvents.resumed && subject !== null && epoch !== null && isNumber(data.fromStep)
      ? [{ subject, epoch, fromStep: data.fromStep }]
      : [],
  );

export const metricsOf = (events: readonly TraceEvent[]): MetricValue[] =>
  events.flatMap(({ kind, subject, epoch, data }) => {
    const { step, values } = data;
    if (kind !== trainerEvents.metrics || subject === null || epoch === null || !isNumber(step)) return [];
    return Object.entries((values ?? {}) as Record<string, unknown>).flatMap(([name, value]) =>
      isNumber(value) ? [{ subject, epoch, step, name, value }] : [],
    );
  });

/** Notes where epochs took up the work, and drops what earlier epochs had measured beyond that. */
export async function insertResumptions(tx: Queries, resumptions: readonly Resumption[]): Promise<void> {
  if (resumptions.length === 0) return;
  const given = `jsonb_to_recordset($1::jsonb) AS r (subject text, epoch integer, "fromStep" integer)`;
  const rows = [jsonb(resumptions)];
  await tx.query(
    `INSERT INTO epochs (subject, epoch, offered_step, from_step)
     SELECT DISTINCT ON (subject, epoch) subject, epoch, "fromStep", "fromStep" FROM ${given} ORDER BY subject, epoch, "fromStep"
     ON CONFLICT (subject, epoch) DO UPDATE SET from_step = coalesce(epochs.from_step, excluded.from_step)`,
    rows,
  );
  await tx.query(
    `DELETE FROM metrics USING ${given}
     WHERE metrics.trial_id = r.subject AND metrics.epoch < r.epoch AND metrics.step > r."fromStep"`,
    rows,
  );
}

/**
 * Writes metrics, each (subject, step, name) once, the newer epoch's value winning. What a later epoch has overtaken
 * is left out, however late it arrives.
 */
export async function insertMetrics(tx: Queries, metrics: readonly MetricValue[]): Promise<void> {
  if (metrics.length === 0) return;
  await tx.query(
    `INSERT INTO metrics AS known (trial_id, step, name, value, epoch)
     SELECT DISTINCT ON (subject, step, name) subject, step, name, value, epoch
     FROM jsonb_to_recordset($1::jsonb) AS m (subject text, step integer, name text, value double precision, epoch integer)
     WHERE NOT EXISTS (SELECT FROM epochs AS later WHERE later.subject = m.subject AND later.epoch > m.epoch AND later.from_step < m.step)
     ORDER BY subject, step, name, epoch DESC
     ON CONFLICT (trial_id, step, name) DO UPDATE SET value = excluded.value, epoch = excluded.epoch
     WHERE excluded.epoch > known.epoch`,
    [jsonb(metrics)],
  );
}

/** A recorded curve, by step. */
export async function readCurve(
  db: Queries,
  subject: string,
  name: string,
  upToStep: number,
): Promise<{ step: number; value: number }[]> {
  const { rows } = await db.query<{ step: number; value: number }>(
    "SELECT step, value FROM metrics WHERE trial_id = $1 AND name = $2 AND step <= $3 ORDER BY step",
    [subject, name, upToStep],
  );
  return rows;
}
