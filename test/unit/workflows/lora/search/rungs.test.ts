import { describe, expect, test } from "vitest";
import { SearchSpec } from "../../../../../workflows/contracts";
import { bracketCount, bracketOf, rungCount, rungSteps } from "../../../../../workflows/lora/search/rungs";

const search = (pruner: string, grace: number, factor = 3) =>
  SearchSpec.parse({
    pruner,
    asha: { grace_steps: grace, reduction_factor: factor },
    median: { grace_steps: grace },
  });

describe("where the rungs are", () => {
  test.each([
    ["asha", 50, 3, 300, [50, 150]],
    ["asha", 75, 2, 300, [75, 150]],
    ["asha", 100, 2, 100, []],
    ["asha", 99, 2, 100, [99]],
    ["asha", 1, 2, 9, [1, 2, 4, 8]],
    ["median", 50, 3, 300, [50, 100, 200]],
    ["none", 50, 3, 300, []],
  ])("%s, grace %i, factor %i, %i steps: %j", (pruner, grace, factor, total, expected) => {
    expect(rungSteps(search(pruner, grace, factor), total, 0)).toEqual(expected);
  });

  test("every rung lies before the end and after the grace period, over many settings", () => {
    for (const pruner of ["median", "asha", "hyperband"]) {
      for (let grace = 1; grace < 60; grace += 7) {
        for (const factor of [2, 3, 4]) {
          for (let total = 1; total < 500; total += 41) {
            const spec = search(pruner, grace, factor);
            let count = 0;
            for (let bracket = 0; bracket < bracketCount(spec, total); bracket++) {
              const steps = rungSteps(spec, total, bracket);
              count += steps.length;
              for (const [index, step] of steps.entries()) {
                expect(step).toBeGreaterThanOrEqual(grace);
                expect(step).toBeLessThan(total);
                if (index > 0) expect(step).toBeGreaterThan(steps[index - 1] as number);
              }
            }
            expect(rungCount(spec, total)).toBe(count);
          }
        }
      }
    }
  });
});

describe("hyperband", () => {
  const spec = search("hyperband", 10, 3);

  test("has a bracket for every grace period that leaves a rung", () => {
    expect(bracketCount(spec, 300)).toBe(4);
    expect([0, 1, 2, 3].map((bracket) => rungSteps(spec, 300, bracket))).toEqual([
      [10, 30, 90, 270],
      [30, 90, 270],
      [90, 270],
      [270],
    ]);
  });

  test("deals the brackets out in turn", () => {
    expect([0, 1, 2, 3, 4, 5].map((index) => bracketOf(spec, 300, index))).toEqual([0, 1, 2, 3, 0, 1]);
  });

  test("has one even where no rung fits", () => {
    expect(bracketCount(spec, 5)).toBe(1);
  });
});
