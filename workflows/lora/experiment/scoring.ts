import type { EvalInput, EvalOutput } from "../../contracts/skills";
import { comparedOn, type StageOutputs } from "../../contracts/stages";
import { sessionFor } from "../../dispatch/run-job";
import { skills } from "../../proxies";
import { describeFailure, isCallFailure } from "../../reliability/failures";
import { reportMetric, testMetrics } from "../metrics";
import type { Finalist } from "../search/ranking";
import type { ExperimentRun } from "./experiment-run";
import { modelOf, type Problem, runStageJob, stageJob, warn } from "./stage-jobs";

/** How a job of the "test" stage scores the base (no checkpoint) or the winner. */
function testJob(
  run: ExperimentRun,
  stages: StageOutputs,
  label: string,
  checkpoint: EvalInput["checkpoint"],
) {
  const { spec } = stages.resolved;
  const split = comparedOn(stages);
  const input: Omit<EvalInput, "job"> = {
    ...modelOf(stages),
    label,
    checkpoint,
    split,
    metrics: testMetrics(spec),
    eval: spec.eval,
    baselines: checkpoint === null && spec.task === "sequence_classification",
  };
  return { job: stageJob(run, stages, "eval.run", "test", input), summary: `${label} on ${split} rows` };
}

/** Where no trial completed, the base's score is all there is to report; a base that cannot be scored is no surprise. */
export async function testBase(run: ExperimentRun, stages: StageOutputs): Promise<void> {
  const base = testJob(run, stages, "base", null);
  try {
    stages.base = await runStageJob<EvalOutput>(run, base.job, { summary: base.summary });
  } catch (error) {
    if (!isCallFailure(error)) throw error;
    warn(run, stages, `the base was not scored: ${describeFailure(error).message}`);
  }
}

/**
 * Base and winner, each once, on rows the search never saw; one seat for both. Answers with why they could not be
 * scored: the adapter is delivered all the same. That they could not be compared is a warning.
 */
export async function testWinner(
  run: ExperimentRun,
  stages: StageOutputs,
  winner: Finalist,
): Promise<Problem[]> {
  const { spec } = stages.resolved;
  if (comparedOn(stages) === "validation") {
    warn(run, stages, "there are no test rows: base and winner are compared on the validation rows");
  }
  const base = testJob(run, stages, "base", null);
  const best = testJob(run, stages, `trial-${winner.trial}`, winner.checkpoint);
  const session = sessionFor(base.job);
  const { summary } = base;
  try {
    stages.base = await runStageJob<EvalOutput>(run, base.job, { session, keepSeat: true, summary });
    stages.best = await runStageJob<EvalOutput>(run, best.job, { session, summary: best.summary });
  } catch (error) {
    if (!isCallFailure(error)) throw error;
    const { type, message } = describeFailure(error);
    const unscored = stages.base === null ? "the base" : `trial ${winner.trial}`;
    return [{ type, message: `${unscored} could not be scored on ${comparedOn(stages)} rows: ${message}` }];
  }
  const metric = reportMetric(spec);
  const { base: baseScores, best: bestScores } = stages;
  try {
    stages.comparison = await skills["eval.compare"].executeWithOptions({ summary: `gain in ${metric}` }, [
      {
        base: baseScores.perExample,
        best: bestScores.perExample,
        metric,
        seed: spec.search.seed,
        resamples: 10_000,
      },
    ]);
  } catch (error) {
    if (!isCallFailure(error)) throw error;
    warn(run, stages, `base and winner were not compared: ${describeFailure(error).message}`);
  }
  return [];
}
