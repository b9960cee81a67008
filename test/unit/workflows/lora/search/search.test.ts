import { describe, expect, test } from "vitest";
import { random, seeds } from "../../../../support/seeded";
import { type Fate, type History, simulate } from "./simulation";

/** Values and accidents that depend on the trial alone, never on the order of events. */
const fateOf = (seed: number): Fate => ({
  value: (trial, step) => random(seed * 7919 + trial)() + 10 / step,
  breaksAt: (trial) => {
    const draw = random(seed * 104_729 + trial);
    if (draw() > 0.2) return null;
    const state = draw() < 0.5 ? ("diverged" as const) : ("failed" as const);
    return { step: 1 + Math.floor(draw() * 100), state };
  },
});

const pruners = ["none", "median", "asha", "hyperband"] as const;
const settings = {
  asha: { grace_steps: 10, reduction_factor: 2 },
  median: { grace_steps: 10, min_trials: 3 },
};
const cases = seeds(12).flatMap((seed) => pruners.map((pruner) => ({ seed, pruner })));

function checkBooks(history: History, trials: number): void {
  expect([...history.ends.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: trials }, (_, n) => n));
  expect([...history.tells.keys()].sort((a, b) => a - b)).toEqual(
    Array.from({ length: trials }, (_, n) => n),
  );
  expect(new Set(history.tells.values()).size).toBe(trials);
  expect(history.decisions.map((decision) => decision.ordinal)).toEqual(history.decisions.map((_, n) => n));
}

describe.each(cases)("an asynchronous search, $pruner, seed $seed", ({ seed, pruner }) => {
  const spec = { num_trials: 25, max_concurrent_trials: 4, pruner, ...settings };
  const { history, search } = simulate({ spec, totalSteps: 100, fate: fateOf(seed), seed });

  test("runs each trial once, tells each once, and never more at a time than allowed", () => {
    checkBooks(history, 25);
    expect(history.mostRunning).toBeLessThanOrEqual(4);
  });

  test("asks only for what it has room for, and counts only what was told", () => {
    for (const ask of history.asks) expect(ask.pending.length + ask.trials.length).toBeLessThanOrEqual(4);
    expect(history.asks.map((ask) => ask.tellCount)).toEqual(
      [...history.asks.map((ask) => ask.tellCount)].sort((a, b) => a - b),
    );
  });

  test("a verdict has seen exactly the reports before it", () => {
    for (const decision of history.decisions) expect(decision.seen).toBe(decision.ordinal);
  });

  test("is the same when its state is carried over after every event", () => {
    const again = simulate({ spec, totalSteps: 100, fate: fateOf(seed), seed, carryEvery: 1 });
    expect(again.history.verdicts).toEqual(history.verdicts);
    expect(again.history.tells).toEqual(history.tells);
    expect(again.search.facts.best).toEqual(search.facts.best);
  });
});

describe.each(cases)("a deterministic search, $pruner, seed $seed", ({ seed, pruner }) => {
  const spec = {
    num_trials: 22,
    max_concurrent_trials: 4,
    wave_size: 8,
    deterministic: true,
    pruner,
    ...settings,
  };
  const one = simulate({ spec, totalSteps: 100, fate: fateOf(seed), seed });

  test("asks in waves, each after the one before has ended", () => {
    expect(one.history.asks.map((ask) => ask.trials.length)).toEqual([8, 8, 6]);
    expect(one.history.asks.map((ask) => ask.tellCount)).toEqual([0, 8, 16]);
    expect(one.history.asks.every((ask) => ask.pending.length === 0)).toBe(true);
    checkBooks(one.history, 22);
  });

  test("does not starve though fewer run at once than a wave has members", () => {
    expect(one.history.mostRunning).toBeLessThanOrEqual(4);
  });

  test("is the same in any order of events, at any concurrency, however often carried over", () => {
    for (let other = 1; other <= 4; other++) {
      const maxConcurrent = (event: number) => 1 + ((event + other) % 5);
      const again = simulate({
        spec,
        totalSteps: 100,
        fate: fateOf(seed),
        seed: seed + other * 31,
        maxConcurrent,
        carryEvery: other,
      });
      expect(again.history.verdicts).toEqual(one.history.verdicts);
      expect(again.history.tells).toEqual(one.history.tells);
      expect(again.history.asks).toEqual(one.history.asks);
      expect(again.history.ends).toEqual(one.history.ends);
      expect(again.search.facts.best).toEqual(one.search.facts.best);
      expect(again.search.facts.finalists).toEqual(one.search.facts.finalists);
    }
  });
});

test("of trials proposed together, each knows those before it as pending", () => {
  const { search } = simulate({ spec: { num_trials: 1 }, totalSteps: 5, fate: { value: () => 1 }, seed: 1 });
  const trials = [1, 2, 3];
  const proposals = trials.map((trial) => ({ trial, params: {}, modelBased: false }));
  const rows = search.propose({ trials, tellCount: 0, pending: [0] }, proposals, false);
  expect(rows.map(({ pending }) => pending)).toEqual([[0], [0, 1], [0, 1, 2]]);
});

describe("synchronous halving of one wave", () => {
  const spec = {
    num_trials: 8,
    wave_size: 8,
    max_concurrent_trials: 8,
    deterministic: true,
    pruner: "asha" as const,
    ...settings,
  };
  const value = (trial: number) => trial;
  const state = (history: History) =>
    Array.from({ length: 8 }, (_, trial) => history.ends.get(trial)?.[0]).join("");

  test("8, 4, 2, 1", () => {
    const { history } = simulate({ spec, totalSteps: 75, fate: { value }, seed: 1 });
    // Rungs at 10, 20 and 40 of 75: four, two, one.
    expect(state(history)).toBe("cppppppp");
    expect([...history.verdicts.values()].filter((verdict) => verdict === "continue")).toHaveLength(7);
  });

  test("members that break count as losers of their rung", () => {
    const breaksAt = (trial: number) => (trial < 4 ? { step: 5, state: "failed" as const } : null);
    const { history } = simulate({ spec, totalSteps: 15, fate: { value, breaksAt }, seed: 1 });
    // One rung at 10: four of eight go on, and four have already gone.
    expect(state(history)).toBe("ffffcccc");
  });

  test("someone always remains, unless all break", () => {
    const breaksAt = (trial: number) => (trial < 7 ? { step: 5, state: "diverged" as const } : null);
    expect(state(simulate({ spec, totalSteps: 75, fate: { value, breaksAt }, seed: 1 }).history)).toBe(
      "dddddddc",
    );
    const all = () => ({ step: 5, state: "diverged" as const });
    const { history, search } = simulate({ spec, totalSteps: 75, fate: { value, breaksAt: all }, seed: 1 });
    expect(state(history)).toBe("dddddddd");
    expect(search.facts.best).toBeNull();
  });
});

describe("stopping early", () => {
  const value = (trial: number) => (trial === 3 ? 0 : 1);

  test("by patience", () => {
    const spec = { num_trials: 50, max_concurrent_trials: 1, stop: { patience: 5 } };
    const { history } = simulate({ spec, totalSteps: 10, fate: { value }, seed: 1 });
    // Trial 3 is the last improvement, and five more follow.
    expect(history.ends.size).toBe(9);
  });

  test("by patience, at the same place in whatever order the members of a wave end", () => {
    const spec = {
      num_trials: 60,
      max_concurrent_trials: 6,
      wave_size: 6,
      deterministic: true,
      stop: { patience: 8 },
    };
    const stops = seeds(40).map((seed) => {
      const { search } = simulate({ spec, totalSteps: 10, fate: fateOf(3), seed });
      return { waves: search.facts.waves, since: search.facts.sinceImprovement };
    });
    expect(stops[0]?.waves).toBeLessThan(10);
    for (const stop of stops) expect(stop).toEqual(stops[0]);
  });

  test("is explained, and so is an end that was planned", () => {
    const because = (stop: object, num_trials = 50) =>
      simulate({
        spec: { num_trials, max_concurrent_trials: 1, replicates: 2, stop },
        totalSteps: 10,
        fate: { value },
        seed: 1,
      }).search.facts.endedBecause;
    expect(because({ patience: 5 })).toBe("5 trials brought no improvement");
    expect(because({ gpu_hours: 10 / 3600 })).toMatch(/GPU-hours were used$/);
    expect(because({}, 4)).toBe("all 4 trials were proposed");
  });

  test("by GPU-hours", () => {
    const spec = { num_trials: 50, max_concurrent_trials: 1, stop: { gpu_hours: 10 / 3600 } };
    expect(simulate({ spec, totalSteps: 10, fate: { value }, seed: 1 }).history.ends.size).toBe(10);
  });
});

describe("replicates", () => {
  const spec = { num_trials: 6, max_concurrent_trials: 2, replicates: 3 };
  const { history, search } = simulate({
    spec,
    totalSteps: 10,
    fate: { value: (trial) => (trial * 5) % 6 },
    seed: 3,
  });

  test("rerun the top three twice each, after the search, as trials of their own that are not told", () => {
    expect(history.ends.size).toBe(12);
    expect(history.tells.size).toBe(6);
    // Values 0, 5, 4, 3, 2, 1: the best three are 0, 5 and 4.
    const reruns = search.facts.ended.filter((row) => row.trial >= 6).sort((a, b) => a.trial - b.trial);
    expect(reruns.map((row) => row.params)).toEqual(
      [0, 0, 5, 5, 4, 4].map((trial) => ({ learning_rate: 0.001 * (trial + 1) })),
    );
  });

  test("do not change who is best so far", () => {
    expect(search.facts.best?.trial).toBe(0);
    expect(search.facts.finalists.map((finalist) => finalist.trial)).toEqual([0, 5, 4]);
  });
});

describe("ten thousand trials", () => {
  const extraParams = {
    r: 16,
    lora_alpha: 32,
    lora_dropout: 0.0512345678901234,
    weight_decay: 0.0123456789012345,
    warmup_ratio: 0.0312345678901234,
    lr_scheduler_type: "constant_with_warmup",
    target_modules: ["q_proj", "k_proj", "v_proj", "o_proj"],
    per_device_train_batch_size: 16,
  };

  test.each(["median", "hyperband"] as const)("%s: the carried state stays below 256 KiB", (pruner) => {
    const spec = {
      num_trials: 10_000,
      max_concurrent_trials: 256,
      pruner,
      asha: { grace_steps: 1, reduction_factor: 2 },
      median: { grace_steps: 1 },
    };
    const { history } = simulate({
      spec,
      totalSteps: 100,
      fate: fateOf(5),
      seed: 5,
      carryEvery: 997,
      extraParams: () => extraParams,
    });
    expect(history.ends.size).toBe(10_000);
    expect(history.largestState).toBeGreaterThan(100 * 1024);
    // The rest is for the resolved spec, the data set's summary and the search plan.
    expect(history.largestState).toBeLessThan(224 * 1024);
  });
});
