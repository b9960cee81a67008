import type { SearchSpec } from "../../contracts/experiment";
import type { Member, Rule } from "./pruners";
import { asCost, type Mode } from "./ranking";
import { reductionFactor, rungSteps } from "./rungs";
import type { LiveTrial, Wave } from "./state";

export const ruleOf = (search: SearchSpec): Rule =>
  search.pruner === "median"
    ? { kind: "median", minTrials: search.median.min_trials }
    : { kind: "halving", factor: reductionFactor(search) };

/**
 * The lowest rung at which the wave can be judged now, with its members; null while one of them is still on its way.
 * A member that ended without a verdict at that rung counts, but without a value.
 */
export function judgeable(
  wave: Wave,
  live: ReadonlyMap<number, LiveTrial>,
  search: SearchSpec,
  mode: Mode,
): { rung: number; members: Member[] } | null {
  const open = wave.members.map((trial) => live.get(trial)).filter((trial) => trial !== undefined);
  const undecided = open.filter((trial) => !trial.pruned && trial.decided < rungsOf(trial, search));
  if (undecided.length === 0) return null;
  const rung = Math.min(...undecided.map((trial) => trial.decided));
  const here = undecided.filter((trial) => trial.decided === rung);
  if (here.some((trial) => trial.reports <= rung)) return null;
  const members: Member[] = here.map((trial) => {
    return { trial: trial.trial, cost: trial.value === null ? null : asCost(trial.value, mode) };
  });
  for (const gone of wave.ended) {
    const hadRung = rungSteps(search, gone.totalSteps, wave.bracket).length > rung;
    const lostHere = gone.state !== "completed" && gone.state !== "pruned" && gone.survived === rung;
    if (hadRung && lostHere) members.push({ trial: gone.trial, cost: null });
  }
  return { rung, members: members.sort((a, b) => a.trial - b.trial) };
}

const rungsOf = (trial: LiveTrial, search: SearchSpec): number =>
  rungSteps(search, trial.totalSteps, trial.bracket).length;
