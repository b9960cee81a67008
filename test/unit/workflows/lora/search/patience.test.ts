import { expect, test } from "vitest";
import { toldSinceImprovement } from "../../../../../workflows/lora/search/patience";

/** After three trials without improvement, a wave of these values, in the order of its members. */
function since(
  values: (number | null)[],
  { best = 1 as number | null, endedInReverse = false } = {},
): number {
  const ended = values.map((value, trial) => ({
    trial,
    state: "completed" as const,
    survived: 0,
    totalSteps: 1,
    value,
  }));
  if (endedInReverse) ended.reverse();
  const wave = { index: 0, bracket: 0, members: [...values.keys()], ended, base: 3, bestBefore: best };
  return toldSinceImprovement(wave, 3, "min");
}

test("a member is measured against the best of all before it, those of its own wave included", () => {
  expect(since([0.5, 0.7])).toBe(1);
  expect(since([0.7, 0.5])).toBe(0);
});

test("members count by their number, in whatever order they end", () => {
  expect(since([0.5, 0.7], { endedInReverse: true })).toBe(1);
});

test("a wave that improves nothing, by an equal value or none, is added to what was told before", () => {
  expect(since([1, null])).toBe(5);
});

test("the first value of a search is an improvement", () => {
  expect(since([null, 7], { best: null })).toBe(0);
});
