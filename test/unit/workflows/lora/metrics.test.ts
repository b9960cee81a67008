import { describe, expect, test } from "vitest";
import { ExperimentSpec } from "../../../../workflows/contracts";
import { reportMetric, testMetrics, trialMetrics } from "../../../../workflows/lora/metrics";

const spec = (rest: object) =>
  ExperimentSpec.parse({ name: "x", model: { model_name_or_path: "m" }, dataset: { path: "d" }, ...rest });

describe("what is measured", () => {
  test("the defaults of the task", () => {
    expect(trialMetrics(spec({}))).toEqual(["eval_loss", "perplexity", "token_accuracy"]);
    expect(trialMetrics(spec({ task: "sequence_classification" }))).toEqual([
      "eval_loss",
      "accuracy",
      "macro_f1",
    ]);
  });

  test("always the objective, once", () => {
    const chosen = spec({ eval: { metrics: ["eval_loss"] }, search: { metric: "exact_match", mode: "max" } });
    expect(trialMetrics(chosen)).toEqual(["eval_loss", "exact_match"]);
    expect(trialMetrics(spec({ eval: { metrics: ["eval_loss"] } }))).toEqual(["eval_loss"]);
  });

  test("and on test also what base and winner are compared by", () => {
    const chosen = spec({ eval: { metrics: ["eval_loss"], report_metric: "f1" } });
    expect(testMetrics(chosen)).toEqual(["eval_loss", "f1"]);
  });
});

describe("what base and winner are compared by", () => {
  test.each([
    [{}, "eval_loss"],
    [{ task: "sequence_classification" }, "accuracy"],
    [{ eval: { metrics: ["eval_loss", "exact_match", "f1"] } }, "exact_match"],
    [{ eval: { metrics: ["exact_match"], report_metric: "eval_loss" } }, "eval_loss"],
    [{ search: { metric: "bits_per_byte" } }, "bits_per_byte"],
  ])("%j: %s", (rest, expected) => {
    expect(reportMetric(spec(rest))).toBe(expected);
  });
});
