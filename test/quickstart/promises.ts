import type { ExperimentResult } from "../../workflows/contracts";

export interface CompletedTrial {
  trial: number;
  /** Share of validation rows answered word for word, 0 to 1. */
  exactMatch: number;
}

const TRIALS = 8;
const BASE_AT_MOST = 0.02;
const BEST_AT_LEAST = 0.7;
const SPREAD_AT_LEAST = 0.2;

/** What the quick start is there to show, and does not show; empty when all of it holds. */
export function brokenPromises(result: ExperimentResult, completed: readonly CompletedTrial[]): string[] {
  const broken: string[] = [];
  const expect = (holds: boolean, otherwise: string) => {
    if (!holds) broken.push(otherwise);
  };
  expect(result.state === "completed", `the run is ${result.state}`);
  const { level, passed } = result.reproducibility;
  expect(passed && level === "L3", `verification reached ${level}, not L3`);
  const total = Object.values(result.trials).reduce((sum, count) => sum + count, 0);
  expect(total === TRIALS, `${total} trials ended, not ${TRIALS}`);
  const base = result.base.metrics.exact_match ?? Number.NaN;
  const best = result.best?.metrics.exact_match ?? Number.NaN;
  expect(base <= BASE_AT_MOST, `the base answers ${base} of the test rows, more than ${BASE_AT_MOST}`);
  expect(best >= BEST_AT_LEAST, `the winner answers ${best} of the test rows, less than ${BEST_AT_LEAST}`);
  const winner = completed.find(({ trial }) => trial === result.best?.trial)?.exactMatch ?? Number.NaN;
  const spread = winner - Math.min(...completed.map(({ exactMatch }) => exactMatch));
  expect(
    spread >= SPREAD_AT_LEAST,
    `the worst completed trial is ${spread} below the best, less than ${SPREAD_AT_LEAST}`,
  );
  return broken;
}
