import { describe, expect, it } from "vitest";
import { summary } from "../../../../client/cli/summary";
import type { ExperimentResult } from "../../../../workflows/contracts";

const file = { uri: "s3://b/x", sha256: "0".repeat(64), sizeBytes: 1 };

const result: ExperimentResult = {
  run: "r",
  state: "completed",
  seconds: 1,
  trials: { completed: 1, pruned: 0, diverged: 0, failed: 0, cancelled: 0 },
  base: { metrics: { accuracy: 0.5 } },
  best: { trial: 0, params: {}, metrics: { accuracy: 0.75 } },
  artifacts: { report: file, reportMarkdown: file, manifest: file, adapter: null, metrics: null },
  reproducibility: { level: "L0", passed: true, details: [] },
};

const said = (rest: Partial<ExperimentResult>) =>
  summary({ ...result, ...rest }, { uiUrl: null, local: null, paint: (_, text) => text }).join("\n");

describe("the summary of a run", () => {
  it("names the rows that base and winner were scored on", () => {
    expect(said({ split: "test" })).toContain("0.5 base → 0.75 best, on test rows");
    expect(said({ split: "validation" })).toContain("0.5 base → 0.75 best, on validation rows");
  });

  it("says what the difference means, and when too few rows stand behind it", () => {
    const comparison = {
      metric: "eval_loss",
      base: 7.7,
      best: 1.5,
      gain: -6.2,
      low: -6.3,
      high: -6.1,
      beatsBase: true,
      examples: 200,
      resamples: 10_000,
    };
    expect(said({ comparison })).toMatch(
      /change +-6.2 \(lower is better\), 95 % interval -6.3 to -6.1: beats the base/,
    );
    const few = { ...comparison, metric: "accuracy", examples: 2, beatsBase: false };
    expect(said({ comparison: few })).toMatch(/gain +-6.2, 95 % .*: too few rows \(2\) to tell/);
  });

  it("repeats what a reader should know", () => {
    expect(said({ warnings: ["not uploaded to me/it: no token"] })).toMatch(
      /^ {2}worth knowing +not uploaded to me\/it: no token$/m,
    );
  });
});
