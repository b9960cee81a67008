import type { ExperimentResult } from "../../../workflows/contracts";
import type { Rig } from "./rig";

/** Everything of a run that must not depend on what died on the way. */
export interface Facts {
  /** Trials by number: how each ended, with which value, at which step, with which adapter. */
  trials: {
    trial: number;
    state: string;
    params: unknown;
    value: number | null;
    step: number;
    adapter: string | null;
  }[];
  /** Every metric row, `trial step name value`, in order. */
  metrics: string[];
  verdicts: { trial: number; rung: number; value: number | null; verdict: string }[];
  best: { trial: number; metrics: unknown } | null;
  adapter: string | null;
}

export async function factsOf(rig: Rig, run: string, result: ExperimentResult): Promise<Facts> {
  const trials = await rig.rows<Facts["trials"][number]>(
    `SELECT trial, state, params, value, step, adapter_sha256 AS adapter FROM trials WHERE run = $1 ORDER BY trial`,
    [run],
  );
  const metrics = await rig.rows<{ line: string }>(
    `SELECT concat_ws(' ', substring(trial_id FROM length($1) + 2), step, name, value) AS line
     FROM metrics WHERE trial_id LIKE $1 || '/trial-%' ORDER BY trial_id, step, name`,
    [run],
  );
  const verdicts = await rig.rows<Facts["verdicts"][number]>(
    `SELECT trial, rung, value, verdict FROM rungs WHERE run = $1 ORDER BY trial, rung`,
    [run],
  );
  const { best, artifacts } = result;
  return {
    trials,
    metrics: metrics.map(({ line }) => line),
    verdicts,
    best: best && { trial: best.trial, metrics: best.metrics },
    adapter: artifacts.adapter?.sha256 ?? null,
  };
}

/** A trial taken up again: how far an earlier dispatch had come by its own trace, and from where the later one went on. */
export interface Resumption {
  subject: string;
  epoch: number;
  reached: number;
  fromStep: number;
}

export async function resumptionsOf(rig: Rig, run: string): Promise<Resumption[]> {
  return rig.rows<Resumption>(
    `SELECT resumed.subject, resumed.epoch, (resumed.data->>'fromStep')::int AS "fromStep",
            coalesce(max((before.data->>'step')::int), 0) AS reached
     FROM trace_events resumed
     LEFT JOIN trace_events before ON before.run = resumed.run AND before.subject = resumed.subject
       AND before.epoch < resumed.epoch AND before.kind = 'trial.metrics'
     WHERE resumed.run = $1 AND resumed.kind = 'trial.resumed' AND resumed.epoch > 1
     GROUP BY resumed.subject, resumed.epoch, resumed.data ORDER BY resumed.subject, resumed.epoch`,
    [run],
  );
}

/** Rows that no workflow will ever close. */
export async function openRows(rig: Rig, run: string): Promise<string[]> {
  const rows = await rig.rows<{ id: string }>(
    `SELECT trial_id AS id FROM trials WHERE run = $1 AND ended_at IS NULL
     UNION ALL SELECT run FROM runs WHERE run = $1 AND ended_at IS NULL`,
    [run],
  );
  return rows.map(({ id }) => id);
}
