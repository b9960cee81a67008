import { JobSpec } from "../../contracts/job-spec";
import type { StageOutputs } from "../../contracts/stages";
import { type JobOptions, runJob } from "../../dispatch/run-job";
import type { ExperimentRun } from "./experiment-run";

/** Why a run has failed although it has a result: something that was asked for is missing from it. */
export interface Problem {
  type: string;
  message: string;
}

/** What every job on the model is told of it. */
export const modelOf = (stages: StageOutputs) => ({
  task: stages.resolved.spec.task,
  model: stages.resolved.spec.model,
  dataset: (stages.dataset as NonNullable<StageOutputs["dataset"]>).tokenised,
});

/** A job of the run itself; `name` tells apart whose epochs these are. */
export function stageJob(
  run: ExperimentRun,
  stages: StageOutputs,
  entrypoint: JobSpec["entrypoint"],
  name: string,
  params: object,
) {
  const { placement } = stages.resolved.spec;
  return JobSpec.parse({ entrypoint, run: run.id, subject: `${run.id}/${name}`, params, placement });
}

/** Runs it, with the dispatcher's events in the run's own trace. */
export const runStageJob = <Output>(
  run: ExperimentRun,
  job: JobSpec,
  options: Omit<JobOptions, "onEvent">,
): Promise<Output> => runJob<Output>(job, { ...options, onEvent: (event) => run.trace.add(event) });

/** Said at once in the run's status, and kept for its report and result. */
export function warn(run: ExperimentRun, stages: StageOutputs, warning: string): void {
  run.warnings.push(warning);
  stages.warnings = [...(stages.warnings ?? []), warning];
}
