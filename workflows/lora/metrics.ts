import { type ExperimentSpec, isHigherBetter, MetricName } from "../contracts/experiment";

type Scored = Pick<ExperimentSpec, "task" | "eval" | "search">;

const defaults: Record<ExperimentSpec["task"], MetricName[]> = {
  causal_lm: ["eval_loss", "perplexity", "token_accuracy"],
  sequence_classification: ["eval_loss", "accuracy", "macro_f1"],
};

const asMetrics = (names: string[]): MetricName[] =>
  MetricName.options.filter((name) => names.includes(name));

/** What is measured at the end of a trial: the metrics asked for, and the objective among them. */
export const trialMetrics = (spec: Scored): MetricName[] =>
  asMetrics([...(spec.eval.metrics ?? defaults[spec.task]), spec.search.metric]);

/** The score by which base and winner are compared: the one asked for, else the first task score, else the objective. */
export const reportMetric = (spec: Scored): string =>
  spec.eval.report_metric ??
  (spec.eval.metrics ?? defaults[spec.task]).find(
    (metric) => isHigherBetter(metric) && metric !== "token_accuracy",
  ) ??
  spec.search.metric;

/** What base and winner are scored by on the test rows. */
export const testMetrics = (spec: Scored): MetricName[] =>
  asMetrics([...trialMetrics(spec), reportMetric(spec)]);
