import { evalMetrics } from "./complete";
import { isHigherBetter, MetricName, needsGeneration } from "./evaluation";
import type { ExperimentSpec } from "./index";
import type { SpecIssue } from "./issue";
import { nearest } from "./nearest";
import { checkSearchSpace } from "./space-checks";
import { checkSupported } from "./supported";

/** Rules between settings, and options that this version refuses. Run on an experiment that fits the schema. */
export const checkExperiment = (spec: ExperimentSpec): SpecIssue[] => [
  ...checkMetrics(spec),
  ...checkPruner(spec),
  ...checkTask(spec),
  ...checkSplits(spec),
  ...checkSearchSpace(spec),
  ...checkSupported(spec),
];

function checkMetrics(spec: ExperimentSpec): SpecIssue[] {
  const issues: SpecIssue[] = [];
  const { search, eval: evaluation } = spec;
  const known: readonly string[] = MetricName.options;
  if (!known.includes(search.metric)) {
    const meant = nearest(search.metric, known);
    const hint = meant ? `did you mean ${meant}?` : `the metrics are ${known.join(", ")}`;
    return [{ path: ["search", "metric"], message: `${search.metric} is not a metric; ${hint}` }];
  }
  const metrics: readonly string[] = evalMetrics(spec);
  if (!metrics.includes(search.metric))
    issues.push({
      path: ["search", "metric"],
      message: `${search.metric} is not computed: add it to eval.metrics (${metrics.join(", ")})`,
    });
  if (evaluation.report_metric && !metrics.includes(evaluation.report_metric))
    issues.push({
      path: ["eval", "report_metric"],
      message: `${evaluation.report_metric} is not computed: add it to eval.metrics (${metrics.join(", ")})`,
    });
  const mode = isHigherBetter(search.metric) ? "max" : "min";
  if (search.mode !== mode)
    issues.push({
      path: ["search", "mode"],
      message: `${search.metric} is better when it is ${mode === "max" ? "larger" : "smaller"}; use mode: ${mode}, or leave mode out`,
    });
  return issues;
}

/** A rung's value is told to the sampler as the objective's, so it must be the same metric. */
function checkPruner({ search: { pruner, metric } }: ExperimentSpec): SpecIssue[] {
  if (pruner === "none" || !needsGeneration(metric)) return [];
  const message =
    `${pruner} judges trials before their end, but ${metric} needs generation and is measured only at the end; ` +
    "use pruner none, or a metric such as eval_loss or token_accuracy";
  return [{ path: ["search", "pruner"], message }];
}

const classificationOnly: readonly string[] = ["accuracy", "macro_f1"];
const generativeOnly: readonly string[] = [
  "perplexity",
  "bits_per_byte",
  "token_accuracy",
  "exact_match",
  "f1",
];

function checkTask({ task, eval: evaluation, search, dataset }: ExperimentSpec): SpecIssue[] {
  const issues: SpecIssue[] = [];
  const foreign = task === "causal_lm" ? classificationOnly : generativeOnly;
  const complain = (path: SpecIssue["path"], name: string) =>
    issues.push({ path, message: `${name} does not exist for task ${task}` });
  for (const [i, name] of (evaluation.metrics ?? []).entries())
    if (foreign.includes(name)) complain(["eval", "metrics", i], name);
  if (foreign.includes(search.metric)) complain(["search", "metric"], search.metric);
  if (evaluation.report_metric && foreign.includes(evaluation.report_metric))
    complain(["eval", "report_metric"], evaluation.report_metric);
  const labelled = dataset.type === "labelled_text";
  if (task === "sequence_classification" && dataset.type !== "auto" && !labelled)
    issues.push({
      path: ["dataset", "type"],
      message: `${dataset.type} has no labels; classification needs labelled_text`,
    });
  if (task === "causal_lm" && labelled)
    issues.push({ path: ["dataset", "type"], message: "labelled_text is for task: sequence_classification" });
  if (task === "causal_lm")
    for (const key of ["label_column", "class_names"] as const)
      if (dataset[key] !== null)
        issues.push({ path: ["dataset", key], message: "is for task: sequence_classification" });
  return issues;
}

function checkSplits({ dataset }: ExperimentSpec): SpecIssue[] {
  const issues: SpecIssue[] = [];
  const sizes = [
    { key: "val_set_size", file: "val_path", why: "the search is judged on validation rows" },
    { key: "test_set_size", file: "test_path", why: "base and winner are compared on test rows" },
  ] as const;
  let share = 0;
  for (const { key, file, why } of sizes) {
    const size = dataset[key];
    if (dataset[file] !== null) continue;
    if (size === 0) issues.push({ path: ["dataset", key], message: `is 0 and there is no ${file}: ${why}` });
    else if (size >= 1 && !Number.isInteger(size))
      issues.push({
        path: ["dataset", key],
        message: `expected a share below 1 or a whole number of rows; got ${size}`,
      });
    else if (size < 1) share += size;
  }
  if (share >= 1)
    issues.push({
      path: ["dataset", "val_set_size"],
      message: `validation and test take ${share} of the rows together; nothing is left to train on`,
    });
  return issues;
}
