import { describe, expect, test } from "vitest";
import {
  type RecordedTrial,
  rederiveVerdicts,
  type SearchRecord,
} from "../../../../support/rederive-verdicts";
import { pick, random, seeds } from "../../../../support/seeded";
import { simulate } from "./simulation";

const totalSteps = 100;

/** A search in which trials break, report no number, and are of different lengths, as its rows keep it. */
function recordOf(
  pruner: "median" | "asha" | "hyperband",
  deterministic: boolean,
  seed: number,
): SearchRecord {
  const lengthOf = (trial: number) => pick(random(seed * 31 + trial), [15, 50, totalSteps]);
  const spec = {
    num_trials: 24,
    max_concurrent_trials: 5,
    wave_size: deterministic ? 8 : null,
    deterministic,
    pruner,
    asha: { grace_steps: 10, reduction_factor: 2 },
    median: { grace_steps: 10, min_trials: 3 },
  };
  const { history, search } = simulate({
    spec,
    totalSteps,
    seed,
    fate: {
      value: (trial, step) => {
        const draw = random(seed * 7919 + trial + step);
        // Coarse, so that there are ties, and in fractions that single precision does not hold.
        return draw() < 0.1 ? null : Math.round(draw() * 10) / 10 + 1 / step;
      },
      breaksAt: (trial) => {
        const draw = random(seed * 104_729 + trial);
        return draw() < 0.25 ? { step: 1 + Math.floor(draw() * totalSteps), state: "diverged" } : null;
      },
    },
    extraParams: (trial) => ({ max_steps: lengthOf(trial) }),
  });
  return {
    settings: search.setup,
    trials: history.trials.map((row) => ({ ...row, state: history.ends.get(row.trial) })) as RecordedTrial[],
    rungs: history.decisions,
  };
}

const cases = (["median", "asha", "hyperband"] as const).flatMap((pruner) =>
  [true, false].flatMap((deterministic) => seeds(8).map((seed) => ({ pruner, deterministic, seed }))),
);

describe.each(cases)(
  "$pruner, deterministic $deterministic, seed $seed",
  ({ pruner, deterministic, seed }) => {
    const record = recordOf(pruner, deterministic, seed);

    test("every verdict follows from the record", () => {
      expect(rederiveVerdicts(record)).toEqual(record.rungs);
      expect(new Set(record.rungs.map(({ verdict }) => verdict))).toEqual(new Set(["continue", "prune"]));
    });

    test("no verdict can be turned round unnoticed", () => {
      for (const altered of record.rungs) {
        const verdict = altered.verdict === "prune" ? ("continue" as const) : ("prune" as const);
        const rungs = record.rungs.map((row) => (row === altered ? { ...row, verdict } : row));
        expect(rederiveVerdicts({ ...record, rungs })).not.toEqual(rungs);
      }
    });

    if (!deterministic) return;
    test("no report can be missing unnoticed, not even the last one", () => {
      const broken = new Set(
        record.trials.filter(({ state }) => state === "diverged").map(({ trial }) => trial),
      );
      for (const lost of record.rungs.filter(({ trial }) => !broken.has(trial))) {
        const rungs = record.rungs.filter((row) => row !== lost);
        expect(rederiveVerdicts({ ...record, rungs })).not.toEqual(rungs);
      }
    });
  },
);
