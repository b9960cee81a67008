import { type ExperimentSpec, trainerEvents } from "../../workflows/contracts";
import { canonicalJson } from "../../workflows/contracts/canonical-json";
import type { Queries } from "../persistence/database";
import { listTrials, type StoredTrial } from "../persistence/read-trials";

/** One stay of a trial on an engine: which steps it trained there. With one slot, it was alone in the pack. */
export interface Attempt {
  engine: string;
  epoch: number;
  fromStep: number;
  toStep: number | null;
  reason: string | null;
}

/** What the manifest says of each trial: enough to ask, train and judge it again. */
export interface TrialFacts {
  trial: number;
  state: StoredTrial["state"];
  params: StoredTrial["params"];
  modelBased: boolean;
  /** The ask: how many tells it had seen and which trials were pending; the tell: its place among all. */
  tellCount: number;
  pending: number[];
  tellOrdinal: number | null;
  seed: number;
  replicateOf: number | null;
  value: number | null;
  step: number;
  trainableParams: number | null;
  initSha256: string | null;
  adapterSha256: string | null;
  metricsSha256: string | null;
  lossCurveSha256: string | null;
  attempts: Attempt[];
}

export async function trialFacts(db: Queries, run: string): Promise<TrialFacts[]> {
  const trials = await listTrials(db, run);
  const [attempts, curves, metrics] = await Promise.all([
    attemptsOf(db, run),
    lossCurveHashes(db, run),
    metricsHashes(db, run),
  ]);
  return trials.map((trial) => ({
    trial: trial.trial,
    state: trial.state,
    params: trial.params,
    modelBased: trial.modelBased,
    tellCount: trial.tellCount,
    pending: trial.pending,
    tellOrdinal: trial.tellOrdinal,
    seed: trial.seed,
    replicateOf: trial.replicateOf,
    value: trial.value,
    step: trial.step,
    trainableParams: trial.trainableParams,
    initSha256: trial.initSha256,
    adapterSha256: trial.adapterSha256,
    metricsSha256: metrics.get(trial.trial) ?? null,
    lossCurveSha256: curves.get(trial.workflowId) ?? null,
    attempts: attempts.get(trial.workflowId) ?? [],
  }));
}

/** What the run's engines reported of themselves, each different one once. */
export async function environmentFacts(db: Queries, run: string): Promise<Record<string, unknown>[]> {
  const { rows } = await db.query<{ data: Record<string, unknown> }>(
    "SELECT DISTINCT data FROM trace_events WHERE run = $1 AND kind = $2",
    [run, trainerEvents.environment],
  );
  return rows.map(({ data }) => data).sort((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1));
}

/** A base of the hub, as an engine found it on its machine. */
export interface HubBase {
  model: string;
  revision: string | null;
  /** SHA-256 by path. */
  files: Record<string, string>;
}

/** The hub's files that engines had of this base, each different set once: a machine may have fetched more of them. */
export async function hubBases(db: Queries, run: string, { model }: ExperimentSpec): Promise<HubBase[]> {
  const { rows } = await db.query<{ data: HubBase }>(
    `SELECT DISTINCT data FROM trace_events
     WHERE run = $1 AND kind = $2 AND data->>'model' = $3 AND data->>'revision' IS NOT DISTINCT FROM $4 ORDER BY data`,
    [run, trainerEvents.base, model.model_name_or_path, model.revision],
  );
  return rows.map(({ data }) => data);
}

/** What the engine runs on that trained the subject last, as it said itself. */
export async function deviceOf(db: Queries, run: string, subject: string): Promise<string | null> {
  const { rows } = await db.query<{ device: string | null }>(
    `SELECT engine.data->>'device' AS device
     FROM trace_events AS came JOIN trace_events AS engine USING (run, source)
     WHERE run = $1 AND came.subject = $2 AND came.kind = $3 AND engine.kind = $4
     ORDER BY came.epoch DESC, came.seq DESC LIMIT 1`,
    [run, subject, trainerEvents.resumed, trainerEvents.environment],
  );
  return rows[0]?.device ?? null;
}

interface StayRow {
  subject: string;
  engine: string;
  epoch: number;
  fromStep: number;
  toStep: number | null;
  reason: string | null;
}

async function attemptsOf(db: Queries, run: string): Promise<Map<string, Attempt[]>> {
  const { rows } = await db.query<StayRow>(
    `SELECT subject, source AS engine, epoch, (came.data->>'fromStep')::integer AS "fromStep",
            (gone.data->>'step')::integer AS "toStep", gone.data->>'reason' AS reason
     FROM trace_events AS came
     LEFT JOIN (
       SELECT DISTINCT ON (source, subject, epoch) source, subject, epoch, data FROM trace_events
       WHERE run = $1 AND kind IN ($3, $4) ORDER BY source, subject, epoch, seq DESC
     ) AS gone USING (source, subject, epoch)
     WHERE came.run = $1 AND came.kind = $2 AND subject IS NOT NULL
     ORDER BY subject, epoch, came.seq`,
    [run, trainerEvents.resumed, trainerEvents.left, trainerEvents.parked],
  );
  const bySubject = new Map<string, Attempt[]>();
  for (const { subject, ...attempt } of rows)
    bySubject.set(subject, [...(bySubject.get(subject) ?? []), attempt]);
  return bySubject;
}

/** Hash over `step:loss` pairs in order; PostgreSQL writes a double so that it reads back the same. */
async function lossCurveHashes(db: Queries, run: string): Promise<Map<string, string>> {
  const { rows } = await db.query<{ subject: string; hash: string }>(
    `SELECT trial_id AS subject, encode(sha256(convert_to(string_agg(metrics.step || ':' || metrics.value, ',' ORDER BY metrics.step), 'UTF8')), 'hex') AS hash
     FROM metrics JOIN trials USING (trial_id) WHERE trials.run = $1 AND metrics.name = 'train_loss' GROUP BY trial_id`,
    [run],
  );
  return new Map(rows.map(({ subject, hash }) => [subject, hash]));
}

async function metricsHashes(db: Queries, run: string): Promise<Map<number, string>> {
  const { rows } = await db.query<{ trial: number; sha256: string }>(
    "SELECT trial, sha256 FROM artifacts WHERE run = $1 AND name = 'trials/' || trial || '/metrics.json'",
    [run],
  );
  return new Map(rows.map(({ trial, sha256: hash }) => [trial, hash]));
}
