import { TrialEndState } from "../../../workflows/contracts";
import { isTrialEnded } from "../../../workflows/contracts/states";
import type { RungRow, TrialRecord } from "../rows";
import { metricName, number, ordinal } from "./format";
import { groupBy } from "./group-by";
import type { Objective, TrialView, TrialViewState } from "./report-data";

export const viewStates: readonly TrialViewState[] = TrialEndState.options;

/** A trial that never reached an end of its own (its run was stopped) is shown as cancelled. */
const viewState = (state: TrialRecord["state"]): TrialViewState =>
  isTrialEnded(state) ? state : "cancelled";

/** States that say something about the parameters; a failure or a cancel does not. */
export const isRanked = (state: TrialViewState): boolean =>
  state === "completed" || state === "pruned" || state === "diverged";

/** Trials proposed by one ask had seen the same tells; consecutive ones with the same count are a wave. */
export function waves(trials: readonly TrialRecord[]): Map<number, number> {
  const byTrial = new Map<number, number>();
  let wave = 0;
  let previous: TrialRecord | null = null;
  for (const trial of [...trials].sort((a, b) => a.trial - b.trial)) {
    const sameAsk =
      previous !== null &&
      previous.tellCount === trial.tellCount &&
      (previous.replicateOf === null) === (trial.replicateOf === null);
    if (!sameAsk) wave += 1;
    byTrial.set(trial.trial, wave);
    previous = trial;
  }
  return byTrial;
}

/**
 * Best first: completed trials by value; then pruned ones, of which the one that got further did better at a common
 * rung; diverged ones last. Replicates repeat another trial's parameters and are not ranked.
 */
export function compareTrials(a: TrialRecord, b: TrialRecord, mode: Objective["mode"]): number {
  const group = (t: TrialRecord) => ["completed", "pruned", "diverged"].indexOf(viewState(t.state));
  if (group(a) !== group(b)) return group(a) - group(b);
  if (viewState(a.state) === "diverged") return 0;
  if (viewState(a.state) === "pruned" && a.step !== b.step) return b.step - a.step;
  if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
  return mode === "min" ? a.value - b.value : b.value - a.value;
}

export function viewTrials(
  records: readonly TrialRecord[],
  rungs: readonly RungRow[],
  objective: Objective,
  best: number | null,
  byWave: boolean,
): TrialView[] {
  const waveOf = waves(records);
  const ranked = records
    .filter((t) => isRanked(viewState(t.state)) && t.replicateOf === null)
    .sort((a, b) => compareTrials(a, b, objective.mode) || a.trial - b.trial);
  const rank = new Map(ranked.map((t, index) => [t.trial, index + 1]));
  const lastRung = new Map<number, RungRow>();
  for (const row of rungs) {
    const known = lastRung.get(row.trial);
    if (!known || row.rung > known.rung) lastRung.set(row.trial, row);
  }
  const standings = rungStandings(rungs, waveOf, objective.mode, byWave);
  return [...records]
    .sort((a, b) => a.trial - b.trial)
    .map((t) => ({
      trial: t.trial,
      subject: t.subject,
      state: viewState(t.state),
      value: t.value ?? (viewState(t.state) === "pruned" ? (lastRung.get(t.trial)?.value ?? null) : null),
      step: t.step,
      params: t.params,
      modelBased: t.modelBased,
      wave: waveOf.get(t.trial) ?? 1,
      seed: t.seed,
      replicateOf: t.replicateOf,
      gpuSeconds: t.gpuSeconds,
      trainableParams: t.trainableParams,
      rank: rank.get(t.trial) ?? null,
      isBest: t.trial === best,
      ended: ending(t, lastRung.get(t.trial), standings, objective),
    }));
}

interface Standing {
  place: number;
  of: number;
  kept: number;
}

/** Where each report stood among those it was judged with: the wave's members at that rung, or all before it. */
function rungStandings(
  rungs: readonly RungRow[],
  waveOf: Map<number, number>,
  mode: Objective["mode"],
  byWave: boolean,
): Map<string, Standing> {
  const standings = new Map<string, Standing>();
  const byRung = groupBy(rungs, (r) => `${r.rung}/${r.step}`);
  for (const row of rungs) {
    if (row.verdict === "continue") continue;
    const atRung = byRung.get(`${row.rung}/${row.step}`) ?? [];
    const seen = atRung.filter((r) =>
      byWave ? waveOf.get(r.trial) === waveOf.get(row.trial) : r.ordinal <= row.ordinal,
    );
    const better = seen.filter((r) => isBetter(r.value, row.value, mode)).length;
    const kept = seen.filter((r) => r.verdict === "continue").length;
    standings.set(`${row.trial}/${row.rung}`, { place: better + 1, of: seen.length, kept });
  }
  return standings;
}

export const isBetter = (a: number | null, b: number | null, mode: Objective["mode"]): boolean => {
  if (a === null) return false;
  if (b === null) return true;
  return mode === "min" ? a < b : a > b;
};

function ending(
  trial: TrialRecord,
  rung: RungRow | undefined,
  standings: Map<string, Standing>,
  objective: Objective,
): string {
  const state = viewState(trial.state);
  if (state === "completed") return `ran all ${trial.step} steps`;
  if (state === "diverged") return `loss was not finite after step ${trial.step}`;
  if (state === "failed")
    return trial.error ? `${trial.error.type}: ${trial.error.message}` : "failed without a message";
  if (state === "cancelled")
    return trial.step > 0 ? `cancelled at step ${trial.step}` : "cancelled before its first step";
  if (!rung) return `pruned at step ${trial.step}`;
  const standing = standings.get(`${rung.trial}/${rung.rung}`);
  const value = rung.value === null ? "no value" : `${metricName(objective.metric)} ${number(rung.value)}`;
  const place = standing ? `, ${ordinal(standing.place)} of ${standing.of}; ${standing.kept} went on` : "";
  return `pruned at step ${rung.step}: ${value}${place}`;
}
