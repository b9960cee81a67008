import { describe, expect, test } from "vitest";
import {
  judgeAlone,
  judgeCohort,
  type Member,
  median,
  survivors,
} from "../../../../../workflows/lora/search/pruners";
import { integer, random, seeds, shuffled } from "../../../../support/seeded";

const members = (costs: (number | null)[]): Member[] => costs.map((cost, trial) => ({ trial, cost }));
const kept = (verdicts: Map<number, string>) =>
  [...verdicts].flatMap(([trial, verdict]) => (verdict === "continue" ? [trial] : [])).sort((a, b) => a - b);

test.each([
  [[3], 3],
  [[1, 2], 1.5],
  [[9, 1, 5], 5],
  [[4, 1, 2, 3], 2.5],
])("the median of %j is %d", (costs, expected) => {
  expect(median(costs)).toBe(expected);
});

describe("synchronous halving", () => {
  const half = { kind: "halving", factor: 2 } as const;

  test.each([
    [1, 3, 1],
    [2, 3, 1],
    [4, 3, 2],
    [8, 2, 4],
    [9, 3, 3],
    [10, 3, 4],
  ])("of %i by %i, %i go on", (n, factor, expected) => {
    expect(survivors(n, factor)).toBe(expected);
  });

  test("the best go on; of equals the lower number", () => {
    expect(kept(judgeCohort(members([3, 1, 2, 0]), half, []))).toEqual([1, 3]);
    expect(kept(judgeCohort(members([1, 1, 1, 1]), half, []))).toEqual([0, 1]);
  });

  test("the lost count, but never go on", () => {
    expect(kept(judgeCohort(members([5, null, null, 7]), half, []))).toEqual([0, 3]);
    expect(kept(judgeCohort(members([null, null]), half, []))).toEqual([]);
    expect(kept(judgeCohort(members([5, null]), half, []))).toEqual([0]);
  });

  test.each(seeds(100).map((seed) => ({ seed })))(
    "the order of arrival changes nothing, seed $seed",
    ({ seed }) => {
      const draw = random(seed);
      const cohort = members(
        Array.from({ length: integer(draw, 1, 12) }, () => (draw() < 0.2 ? null : integer(draw, 0, 4))),
      );
      const rule = draw() < 0.5 ? half : ({ kind: "median", minTrials: integer(draw, 1, 5) } as const);
      const earlier = Array.from({ length: integer(draw, 0, 5) }, () => integer(draw, 0, 4));
      const expected = kept(judgeCohort(cohort, rule, earlier));
      expect(kept(judgeCohort(shuffled(draw, cohort), rule, shuffled(draw, earlier)))).toEqual(expected);
      const valued = cohort.filter((member) => member.cost !== null);
      if (rule.kind === "halving") {
        expect(expected).toHaveLength(Math.min(valued.length, survivors(cohort.length, rule.factor)));
      }
      const worstKept = Math.max(...expected.map((trial) => cohort[trial]?.cost as number));
      const bestLost = Math.min(
        ...valued.filter((m) => !expected.includes(m.trial)).map((m) => m.cost as number),
      );
      if (expected.length > 0) expect(worstKept).toBeLessThanOrEqual(bestLost);
    },
  );
});

describe("the median rule", () => {
  const rule = { kind: "median", minTrials: 3 } as const;

  test("waits until enough trials were seen", () => {
    expect(judgeAlone(99, rule, [1])).toBe("continue");
    expect(judgeAlone(99, rule, [1, 2])).toBe("prune");
    expect(kept(judgeCohort(members([9, 1]), rule, []))).toEqual([0, 1]);
    expect(kept(judgeCohort(members([9, 1]), rule, [5]))).toEqual([1]);
  });

  test("spares whoever is not worse than the median", () => {
    expect(judgeAlone(2, rule, [1, 2, 3])).toBe("continue");
    expect(judgeAlone(2.1, rule, [1, 2, 3])).toBe("prune");
  });
});

describe("asynchronous halving", () => {
  const third = { kind: "halving", factor: 3 } as const;

  test("the first goes on; afterwards only the best third so far does", () => {
    expect(judgeAlone(5, third, [])).toBe("continue");
    expect(judgeAlone(6, third, [5])).toBe("prune");
    expect(judgeAlone(4, third, [5])).toBe("continue");
    expect(judgeAlone(5.5, third, [5, 6, 7, 8, 9])).toBe("continue");
    expect(judgeAlone(6.5, third, [5, 6, 7, 8, 9])).toBe("prune");
  });

  test("a tie goes to who came first", () => {
    expect(judgeAlone(5, third, [5])).toBe("prune");
  });

  test("without a value there is nothing to go on for", () => {
    expect(judgeAlone(null, third, [])).toBe("prune");
    expect(judgeAlone(null, { kind: "median", minTrials: 9 }, [])).toBe("prune");
  });

  test.each(seeds(20).map((seed) => ({ seed })))(
    "in the long run a third goes on, seed $seed",
    ({ seed }) => {
      const draw = random(seed);
      const seen: number[] = [];
      let went = 0;
      for (let n = 0; n < 600; n++) {
        const cost = draw();
        if (judgeAlone(cost, third, seen) === "continue") went += 1;
        seen.push(cost);
      }
      expect(went / 600).toBeGreaterThan(0.25);
      expect(went / 600).toBeLessThan(0.42);
    },
  );
});
