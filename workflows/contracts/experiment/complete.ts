import type { EvalSpec, MetricName } from "./evaluation";
import type { ExperimentSpec } from "./index";
import type { Task } from "./model";
import { isModelFree } from "./search";

const defaultMetrics: Record<Task, readonly MetricName[]> = {
  causal_lm: ["eval_loss", "perplexity", "token_accuracy"],
  sequence_classification: ["eval_loss", "accuracy", "macro_f1"],
};

/** Scores of the task itself, best known first; what a reader wants to see compared. */
const taskScores: readonly MetricName[] = ["exact_match", "f1", "accuracy", "macro_f1"];

/** The metrics that an experiment computes: those asked for, else the task's and whatever the search needs. */
export function evalMetrics({ task, search, eval: evaluation }: ExperimentSpec): MetricName[] {
  if (evaluation.metrics) return [...new Set(evaluation.metrics)];
  const needed = [search.metric as MetricName, evaluation.report_metric].filter((name) => name !== null);
  return [...new Set([...defaultMetrics[task], ...needed])];
}

/** Null: as many as there are free places, where a proposal need not know of the ones before it. */
function waveSize(search: ExperimentSpec["search"]): number | null {
  if (search.deterministic) return search.max_concurrent_trials;
  return isModelFree(search.sampler) ? null : 1;
}

/** Fills the defaults that depend on other settings, so that the record says what was done. */
export function completeExperiment(spec: ExperimentSpec): ExperimentSpec {
  const { search } = spec;
  const metrics = evalMetrics(spec);
  const evaluation: EvalSpec = {
    ...spec.eval,
    metrics,
    report_metric:
      spec.eval.report_metric ??
      taskScores.find((name) => metrics.includes(name)) ??
      (search.metric as MetricName),
  };
  return {
    ...spec,
    eval: evaluation,
    search: {
      ...search,
      wave_size: search.wave_size ?? waveSize(search),
      n_startup_trials: search.n_startup_trials ?? Math.min(10, Math.ceil(search.num_trials / 2)),
    },
  };
}
