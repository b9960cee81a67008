import type { Verdict } from "../../contracts/trial";

/** Halving rules keep the best share; the median rule keeps whoever is not worse than the median. */
export type Rule = { kind: "halving"; factor: number } | { kind: "median"; minTrials: number };

/** The middle cost; of an even number the mean of the middle two. */
export function median(costs: readonly number[]): number {
  const sorted = [...costs].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

/** How many of `n` go on. */
export const survivors = (n: number, factor: number): number => Math.max(1, Math.ceil(n / factor));

export interface Member {
  trial: number;
  /** Null: reported without a value, or lost on the way to this rung. */
  cost: number | null;
}

/**
 * Verdicts on a whole cohort at one rung, once every member has reported or ended. `earlier`: costs of earlier cohorts
 * at this rung, which only the median rule regards. Lost members count, so that a failure never saves a bad trial.
 */
export function judgeCohort(
  members: readonly Member[],
  rule: Rule,
  earlier: readonly number[],
): Map<number, Verdict> {
  const valued = members.filter((member): member is { trial: number; cost: number } => member.cost !== null);
  const verdicts = new Map<number, Verdict>(members.map((member) => [member.trial, "prune"]));
  const keep =
    rule.kind === "halving"
      ? bestOf(valued, survivors(members.length, rule.factor))
      : notWorse(valued, rule, earlier);
  for (const trial of keep) verdicts.set(trial, "continue");
  return verdicts;
}

function bestOf(valued: { trial: number; cost: number }[], count: number): number[] {
  return [...valued]
    .sort((a, b) => a.cost - b.cost || a.trial - b.trial)
    .slice(0, count)
    .map((member) => member.trial);
}

function notWorse(
  valued: { trial: number; cost: number }[],
  rule: { minTrials: number },
  earlier: readonly number[],
): number[] {
  const costs = [...earlier, ...valued.map((member) => member.cost)];
  if (costs.length < rule.minTrials) return valued.map((member) => member.trial);
  const middle = median(costs);
  return valued.filter((member) => member.cost <= middle).map((member) => member.trial);
}

/** A verdict at once, against the costs seen so far at this rung (without this one), in order of arrival. */
export function judgeAlone(cost: number | null, rule: Rule, seen: readonly number[]): Verdict {
  if (cost === null) return "prune";
  if (rule.kind === "median") {
    const costs = [...seen, cost];
    if (costs.length < rule.minTrials) return "continue";
    return cost <= median(costs) ? "continue" : "prune";
  }
  const better = seen.reduce((count, other) => (other <= cost ? count + 1 : count), 0);
  return better < Math.max(1, Math.floor((seen.length + 1) / rule.factor)) ? "continue" : "prune";
}
