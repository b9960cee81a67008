import { expect, test } from "vitest";
import { unfinishedOutcome } from "../../../../../workflows/lora/outcomes";
import { Search } from "../../../../../workflows/lora/search/search";
import { newSearch } from "../../../../../workflows/lora/search/state";
import { simulate } from "./simulation";

const spec = {
  num_trials: 2,
  max_concurrent_trials: 2,
  pruner: "asha" as const,
  asha: { grace_steps: 10, reduction_factor: 2 },
};
const simulated = (more: object = {}) =>
  simulate({ spec: { ...spec, ...more }, totalSteps: 100, fate: { value: () => 1 }, seed: 1 }).search;

/** A search whose trials have all started, and have told nothing yet. */
function begin(trials: number[], more: object = {}): Search {
  const search = new Search(simulated(more).setup, newSearch());
  const proposals = trials.map((trial) => ({ trial, params: {}, modelBased: false }));
  search.propose({ trials, tellCount: 0, pending: [] }, proposals, false);
  search.startable(trials.length);
  return search;
}

const report = { trial: 0, rung: 0, step: 10, value: 1, metrics: {} };

test("a repeated report gets the same verdict again, and is counted once", () => {
  const search = begin([0]);
  const told = [{ trial: 0, rung: 0, verdict: "continue" }];
  expect(search.report(report)).toHaveLength(1);
  expect(search.verdictsToSend(2)).toEqual(told);
  expect(search.verdictsToSend(2)).toEqual([]);
  expect(search.report(report)).toEqual([]);
  expect(search.verdictsToSend(2)).toEqual(told);
  expect(search.facts.rungReports).toBe(1);
});

test("a repeated report of a wave gets no verdict before the wave is judged", () => {
  const search = begin([0, 1], { deterministic: true, wave_size: 2 });
  for (let time = 0; time < 2; time++) expect(search.report(report)).toEqual([]);
  expect(search.verdictsToSend(2)).toEqual([]);
  expect(search.report({ ...report, trial: 1, value: 2 })).toHaveLength(2);
  expect(search.verdictsToSend(2)).toEqual([
    { trial: 0, rung: 0, verdict: "continue" },
    { trial: 1, rung: 0, verdict: "prune" },
  ]);
  expect(search.verdictsToSend(2)).toEqual([]);
});

test("an outcome counts once, and so does one of a trial that never was", () => {
  const search = simulated();
  const counts = { ...search.facts.counts };
  for (const trial of [0, 1, 77])
    expect(search.finish(unfinishedOutcome(trial, { state: "failed", error: null }))).toBeNull();
  expect(search.facts.counts).toEqual(counts);
  expect(search.report({ ...report, trial: 77 })).toEqual([]);
});
