import { describe, expect, it } from "vitest";
import { importance } from "../../../activities/report/data/importance";
import { seededRandom } from "../../../activities/report/data/random";
import type { TrialView } from "../../../activities/report/data/report-data";
import type { Distribution } from "../../../workflows/contracts";

const space: Record<string, Distribution> = {
  learning_rate: { loguniform: [1e-4, 1e-2] },
  r: { choice: [4, 8, 16] },
  lora_dropout: { uniform: [0, 0.2] },
};

/** Ranked trials whose loss is the given function of the parameters. */
function trialsWith(n: number, loss: (p: Record<string, number>) => number, seed = 11): TrialView[] {
  const random = seededRandom(seed);
  const drawn = Array.from({ length: n }, (_, trial) => {
    const params = {
      learning_rate: 1e-4 * 100 ** random(),
      r: [4, 8, 16][Math.floor(random() * 3)] as number,
      lora_dropout: 0.2 * random(),
    };
    return { trial, params, value: loss(params) };
  });
  const order = [...drawn].sort((a, b) => a.value - b.value).map((t) => t.trial);
  return drawn.map((t) => ({
    ...t,
    subject: `run/trial-${t.trial}`,
    state: "completed",
    step: 100,
    modelBased: false,
    wave: 1,
    seed: 1,
    replicateOf: null,
    gpuSeconds: 1,
    trainableParams: 1,
    rank: order.indexOf(t.trial) + 1,
    isBest: order[0] === t.trial,
    ended: "",
  }));
}

const score = (of: ReturnType<typeof importance>, key: string) => of.rows.find((r) => r.key === key);

describe("importance", () => {
  it("finds an optimum in the middle of a range, where a correlation is blind", () => {
    const found = importance(
      trialsWith(60, (p) => Math.log((p.learning_rate as number) / 1e-3) ** 2),
      space,
      7,
    );
    expect(found.rows[0]?.key).toBe("learning_rate");
    expect(score(found, "learning_rate")?.score).toBeGreaterThan(0.75);
    expect(score(found, "learning_rate")?.aboveNoise).toBe(true);
    expect(score(found, "lora_dropout")?.aboveNoise).toBe(false);
  });

  it("finds a choice that decides", () => {
    const named: Record<string, Distribution> = { ...space, r: { choice: ["a", "b", "c"] } };
    const trials = trialsWith(40, (p) => p.r as number).map((t) => ({
      ...t,
      params: { ...t.params, r: t.params.r === 4 ? "a" : t.params.r === 8 ? "b" : "c" },
    }));
    const found = importance(trials, named, 7);
    expect(found.rows[0]?.key).toBe("r");
    expect(found.rows[0]?.bestValues).toBe("a (10×)");
  });

  it("calls little of pure noise a finding", () => {
    const random = seededRandom(5);
    const flagged = Array.from({ length: 20 }, (_, i) =>
      importance(
        trialsWith(30, () => random(), 100 + i),
        space,
        i,
      ),
    )
      .flatMap((found) => found.rows)
      .filter((row) => row.aboveNoise);
    // The mark is a 95th percentile: about 3 of these 60 scores pass it by chance.
    expect(flagged.length).toBeLessThanOrEqual(9);
  });

  it("shows nothing for too few trials, and says that few are only a hint", () => {
    const few = importance(
      trialsWith(5, (p) => p.r as number),
      space,
      7,
    );
    expect(few.rows).toEqual([]);
    expect(few.explanation).toBe("Needs at least 6 trials that were ranked; this run has 5.");
    const some = importance(
      trialsWith(12, (p) => p.r as number),
      space,
      7,
    );
    expect(some.confidence).toBe("indicative");
    expect(some.explanation).toContain("a hint, not a finding");
  });

  it("gives the same scores for the same record", () => {
    const trials = trialsWith(30, (p) => p.learning_rate as number);
    expect(importance(trials, space, 7)).toEqual(importance(trials, space, 7));
  });
});
