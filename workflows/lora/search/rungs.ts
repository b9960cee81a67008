import type { SearchSpec } from "../../contracts/experiment";

type Pruning = Pick<SearchSpec, "pruner" | "asha" | "median">;

/** Rungs of the median rule double: it has no reduction factor of its own. */
const medianFactor = 2;

export const reductionFactor = (search: Pruning): number =>
  search.pruner === "median" ? medianFactor : search.asha.reduction_factor;

const graceSteps = (search: Pruning): number =>
  search.pruner === "median" ? search.median.grace_steps : search.asha.grace_steps;

/** grace, grace*factor, grace*factor^2, ... below `totalSteps`. */
function geometricSteps(grace: number, factor: number, totalSteps: number): number[] {
  const steps: number[] = [];
  for (let step = grace; step < totalSteps; step *= factor) steps.push(step);
  return steps;
}

/**
 * Hyperband (Li et al., 2018, JMLR 18:185) has one bracket for each grace period that still leaves a rung; the other
 * pruners have one. Brackets take turns and are of one size, where the paper gives more trials to the shorter grace
 * periods, and its bracket that prunes nothing is left out.
 */
export function bracketCount(search: Pruning, totalSteps: number): number {
  if (search.pruner !== "hyperband") return 1;
  return Math.max(1, geometricSteps(graceSteps(search), reductionFactor(search), totalSteps).length);
}

/** The bracket of the `index`-th wave (synchronous) or trial (asynchronous). */
export const bracketOf = (search: Pruning, totalSteps: number, index: number): number =>
  index % bracketCount(search, totalSteps);

/** Steps at which a trial of this length and bracket reports, all below its end. */
export function rungSteps(search: Pruning, totalSteps: number, bracket: number): number[] {
  if (search.pruner === "none") return [];
  const factor = reductionFactor(search);
  return geometricSteps(graceSteps(search) * factor ** bracket, factor, totalSteps);
}

/** Over all brackets: how many rungs may hold values. */
export function rungCount(search: Pruning, totalSteps: number): number {
  let count = 0;
  for (let bracket = 0; bracket < bracketCount(search, totalSteps); bracket++) {
    count += rungSteps(search, totalSteps, bracket).length;
  }
  return count;
}
