import { expect, test } from "vitest";
import type { ExperimentResult } from "../../../workflows/contracts";
import { brokenPromises } from "../../quickstart/promises";

const result = {
  run: "quickstart-1",
  state: "completed",
  trials: { completed: 4, pruned: 4, diverged: 0, failed: 0, cancelled: 0 },
  base: { metrics: { exact_match: 0 } },
  best: { trial: 5, params: {}, metrics: { exact_match: 0.9 } },
  reproducibility: { level: "L3", passed: true, details: [] },
} as unknown as ExperimentResult;
const completed = [
  { trial: 1, exactMatch: 0.5 },
  { trial: 5, exactMatch: 0.88 },
];

test("a search that shows what it should breaks no promise", () => {
  expect(brokenPromises(result, completed)).toEqual([]);
});

test("each promise that does not hold is told", () => {
  const poor = {
    ...result,
    trials: { ...result.trials, pruned: 3 },
    base: { metrics: { exact_match: 0.1 } },
    best: { trial: 5, params: {}, metrics: { exact_match: 0.6 } },
    reproducibility: { level: "L2", passed: false, details: [] },
  } as unknown as ExperimentResult;
  expect(brokenPromises(poor, [{ trial: 5, exactMatch: 0.6 }])).toEqual([
    "verification reached L2, not L3",
    "7 trials ended, not 8",
    "the base answers 0.1 of the test rows, more than 0.02",
    "the winner answers 0.6 of the test rows, less than 0.7",
    "the worst completed trial is 0 below the best, less than 0.2",
  ]);
  expect(brokenPromises(result, [])).toHaveLength(1);
});
