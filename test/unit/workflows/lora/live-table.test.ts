import { expect, test } from "vitest";
import { RunStatus, TrialRow } from "../../../../workflows/contracts";
import { liveTable } from "../../../../workflows/lora/live-table";

const status: RunStatus = RunStatus.parse({
  run: "lab-1",
  name: "lab",
  state: "running",
  stage: "search",
  metric: "eval_loss",
  mode: "min",
  numTrials: 8,
  maxConcurrentTrials: 2,
  counts: { pending: 1, running: 2, completed: 3, pruned: 0, diverged: 0, failed: 0, cancelled: 0 },
  best: { trial: 1, value: 0.123456, params: {} },
  startedAt: 0,
  gpuSeconds: 1,
  warnings: ["3 rows were truncated"],
});

const row = (trial: number, params: TrialRow["params"]): TrialRow =>
  TrialRow.parse({
    trial,
    workflowId: `lab-1/trial-${trial}`,
    state: "running",
    params,
    modelBased: false,
    rung: 0,
    step: 50,
    totalSteps: 100,
    value: 0.5,
  });

test("one row per trial, newest first, the best marked, a column per parameter", () => {
  const text = liveTable(status, [
    row(1, { r: 8, learning_rate: 0.00123456 }),
    row(2, { target_modules: ["a|b"] }),
  ]);
  expect(text).toContain("1 pending, 2 running, 3 completed (of 8)");
  expect(text).toContain("Best: trial 1, eval_loss 0.1235.");
  expect(text).toContain("Warning: 3 rows were truncated");
  const table = text.split("\n").filter((line) => line.startsWith("|"));
  expect(table).toEqual([
    "| trial | state | learning_rate | r | target_modules | step | eval_loss |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    '| 2 | running |  |  | ["a\\|b"] | 50 of 100 | 0.5 |',
    "| 1 (best) | running | 0.001235 | 8 |  | 50 of 100 | 0.5 |",
  ]);
});

test("bounded, and readable before the first trial", () => {
  const many = Array.from({ length: 400 }, (_, trial) => row(trial, { r: trial }));
  expect(
    liveTable(status, many)
      .split("\n")
      .filter((line) => line.startsWith("|")),
  ).toHaveLength(32);
  expect(liveTable({ ...status, best: null }, [])).toContain("Best: none yet.");
});
