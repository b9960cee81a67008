import type { RungRow } from "../../activities/report/rows";
import type { ExperimentSpec, TrialParams, TrialState, Verdict } from "../../workflows/contracts";
import { ruleOf } from "../../workflows/lora/search/cohort";
import { judgeAlone, judgeCohort } from "../../workflows/lora/search/pruners";
import { asCost } from "../../workflows/lora/search/ranking";
import { bracketOf, rungCount, rungSteps } from "../../workflows/lora/search/rungs";
import { RungWindows } from "../../workflows/lora/search/windows";
import { trialConfig, trialSteps } from "../../workflows/lora/trial-config";

/** What a search leaves behind, as far as its verdicts follow from it. */
export interface SearchRecord {
  settings: Pick<ExperimentSpec, "search" | "train" | "lora"> & { plannedSteps: number; sequences: number };
  /** Proposed trials. */
  trials: RecordedTrial[];
  rungs: RungRow[];
}

export interface RecordedTrial {
  trial: number;
  state: TrialState;
  params: TrialParams;
  tellCount: number;
}

/**
 * The rungs that a record leads to, in order: of those on record only the values and, where trials are judged as they
 * come, their order are read. A record that nobody altered has exactly these.
 */
export const rederiveVerdicts = (record: SearchRecord): RungRow[] =>
  record.settings.search.deterministic ? byWave(record) : asTheyCame(record);

function asTheyCame({ settings, trials, rungs }: SearchRecord): RungRow[] {
  const { search, plannedSteps } = settings;
  const windows = new RungWindows(rungCount(search, plannedSteps));
  return [...rungs]
    .sort((a, b) => a.ordinal - b.ordinal)
    .map(({ trial, rung, value }, seen) => {
      const bracket = bracketOf(search, plannedSteps, trial);
      const proposed = trials.find((each) => each.trial === trial) as RecordedTrial;
      const step = stepsOf(proposed, bracket, settings)[rung] as number;
      const key = `${bracket}:${step}`;
      // Windows hold single precision, and a value must not be compared with its own rounding.
      const cost = value === null ? null : Math.fround(asCost(value, search.mode));
      const verdict = judgeAlone(cost, ruleOf(search), windows.at(key));
      if (cost !== null) windows.add(key, cost);
      return { ordinal: seen, trial, rung, step, value, verdict, seen };
    });
}

function byWave(record: SearchRecord): RungRow[] {
  const { search, plannedSteps } = record.settings;
  const windows = new RungWindows(rungCount(search, plannedSteps));
  const derived: RungRow[] = [];
  for (const [index, wave] of wavesOf(record.trials).entries())
    derived.push(...ofWave(wave, bracketOf(search, plannedSteps, index), record, windows, derived.length));
  return derived;
}

/** A wave is asked when all before it were told, so its members alone share a count of tells. */
function wavesOf(trials: readonly RecordedTrial[]): RecordedTrial[][] {
  const counts = [...new Set(trials.map(({ tellCount }) => tellCount))].sort((a, b) => a - b);
  const inOrder = [...trials].sort((a, b) => a.trial - b.trial);
  return counts.map((count) => inOrder.filter(({ tellCount }) => tellCount === count));
}

function ofWave(
  wave: readonly RecordedTrial[],
  bracket: number,
  { settings, rungs }: SearchRecord,
  windows: RungWindows,
  before: number,
): RungRow[] {
  const { search } = settings;
  const derived: RungRow[] = [];
  let standing = wave;
  for (let rung = 0; ; rung++) {
    const here = standing.filter((member) => stepsOf(member, bracket, settings).length > rung);
    const reports = new Map(rungs.filter((row) => row.rung === rung).map((row) => [row.trial, row.value]));
    // One that got past here without a report, as the record has it, is judged like one without a value.
    const judged = here.filter((member) => reports.has(member.trial) || !isLost(member));
    if (judged.length === 0) return derived;
    const step = stepsOf(judged[0] as RecordedTrial, bracket, settings)[rung] as number;
    const key = `${bracket}:${step}`;
    const members = here.map(({ trial }) => {
      const value = reports.get(trial) ?? null;
      return { trial, cost: value === null ? null : asCost(value, search.mode) };
    });
    const verdicts = judgeCohort(members, ruleOf(search), windows.at(key));
    for (const { cost } of members) if (cost !== null) windows.add(key, cost);
    const seen = before + derived.length + judged.length;
    for (const { trial } of judged) {
      const [ordinal, value] = [before + derived.length, reports.get(trial) ?? null];
      derived.push({ ordinal, trial, rung, step, value, verdict: verdicts.get(trial) as Verdict, seen });
    }
    standing = judged.filter(({ trial }) => verdicts.get(trial) === "continue");
  }
}

const isLost = ({ state }: RecordedTrial): boolean => state !== "completed" && state !== "pruned";

const stepsOf = (
  { params }: RecordedTrial,
  bracket: number,
  settings: SearchRecord["settings"],
): number[] => {
  const { search, sequences } = settings;
  return rungSteps(search, trialSteps(sequences, trialConfig(settings, params, 0).train), bracket);
};
