import { ApplicationFailure, executeChild, isCancellation, TemporalFailure } from "@temporalio/workflow";
import type { ArtifactRef } from "../../contracts/artifact";
import { JobSpec } from "../../contracts/job-spec";
import { type ExperimentResult, type ReproducibilityVerdict, WorkflowTypes } from "../../contracts/messages";
import type { EvalInput, EvalOutput, HubPushOutput, MergeInput, MergeOutput } from "../../contracts/skills";
import { comparedOn, type StageOutputs } from "../../contracts/stages";
import { runJob, sessionFor } from "../../dispatch/run-job";
import { kernel, skills } from "../../proxies";
import { describeFailure } from "../../reliability/failures";
import { reportMetric, testMetrics } from "../metrics";
import type { Finalist } from "../search/ranking";
import type { Search } from "../search/search";
import type { ExperimentRun } from "./experiment-run";
import { experimentResult } from "./result";

/** The run's result; `problem`: why it has failed all the same. */
export interface Conclusion {
  result: ExperimentResult;
  problem: { type: string; message: string } | null;
}

/** From the ended search to the report: select, test, merge, publish, write the manifest, verify, render. */
export async function finalize(run: ExperimentRun, search: Search): Promise<Conclusion> {
  const stages = run.stages as StageOutputs;
  const winner = await run.inStage("select", () => select(run, search, stages));
  let problem = winner === null ? { type: "NoTrialCompleted", message: reasonOf(stages) } : null;
  if (winner === null) await run.inStage("test", () => testBase(run, stages));
  else {
    await run.inStage("test", () => test(run, stages, winner));
    problem = await run.inStage("merge", () => deliver(run, stages, winner));
  }
  const manifest = await run.inStage("verify", async () => {
    const written = await writeManifest(run, stages);
    if (winner !== null) stages.reproducibility = await verify(run);
    return written;
  });
  const report = await run.inStage("report", () =>
    kernel["report.render"].executeWithOptions({ summary: "report.html and report.md" }, [
      { run: run.id, stages, manifest },
    ]),
  );
  const state = problem === null ? "completed" : "failed";
  return { result: experimentResult({ run, state, search, stages, manifest, report }), problem };
}

const reasonOf = (stages: StageOutputs): string => stages.selection?.reason ?? "no trial completed";

async function select(run: ExperimentRun, search: Search, stages: StageOutputs): Promise<Finalist | null> {
  const { metric, mode, replicates } = stages.resolved.spec.search;
  const summary = `best of ${search.facts.counts.completed} completed trials by ${metric}`;
  stages.selection = await skills["hpo.selectBest"].executeWithOptions({ summary }, [
    { run: run.id, metric, mode, replicates },
  ]);
  const { best } = stages.selection;
  if (best === null) return null;
  const winner = search.facts.finalists.find((finalist) => finalist.trial === best);
  if (winner === undefined) {
    throw ApplicationFailure.nonRetryable(
      `trial ${best} was selected, but is none of the finalists`,
      "Internal",
    );
  }
  return winner;
}

const modelOf = (stages: StageOutputs) => ({
  task: stages.resolved.spec.task,
  model: stages.resolved.spec.model,
  dataset: (stages.dataset as NonNullable<StageOutputs["dataset"]>).tokenised,
});

function job(
  run: ExperimentRun,
  stages: StageOutputs,
  entrypoint: JobSpec["entrypoint"],
  name: string,
  params: object,
) {
  const { placement } = stages.resolved.spec;
  return JobSpec.parse({ entrypoint, run: run.id, subject: `${run.id}/${name}`, params, placement });
}

/** Said at once in the run's status, and kept for its report and result. */
function warn(run: ExperimentRun, stages: StageOutputs, warning: string): void {
  run.warnings.push(warning);
  stages.warnings = [...(stages.warnings ?? []), warning];
}

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
  return { job: job(run, stages, "eval.run", "test", input), summary: `${label} on ${split} rows` };
}

/** Where no trial completed, the base's score is all there is to report; a base that cannot be scored is no surprise. */
async function testBase(run: ExperimentRun, stages: StageOutputs): Promise<void> {
  const base = testJob(run, stages, "base", null);
  const onEvent = run.trace.add.bind(run.trace);
  try {
    stages.base = await runJob<EvalOutput>(base.job, { summary: base.summary, onEvent });
  } catch (error) {
    if (!isFailure(error)) throw error;
    warn(run, stages, `the base was not scored: ${describeFailure(error).message}`);
  }
}

/** Base and winner, each once, on rows the search never saw; one seat for both. */
async function test(run: ExperimentRun, stages: StageOutputs, winner: Finalist): Promise<void> {
  const { spec } = stages.resolved;
  if (comparedOn(stages) === "validation") {
    warn(run, stages, "there are no test rows: base and winner are compared on the validation rows");
  }
  const base = testJob(run, stages, "base", null);
  const best = testJob(run, stages, `trial-${winner.trial}`, winner.checkpoint);
  const session = sessionFor(base.job);
  const onEvent = run.trace.add.bind(run.trace);
  const { summary } = base;
  stages.base = await runJob<EvalOutput>(base.job, { session, keepSeat: true, summary, onEvent });
  stages.best = await runJob<EvalOutput>(best.job, { session, summary: best.summary, onEvent });
  const metric = reportMetric(spec);
  stages.comparison = await skills["eval.compare"].executeWithOptions({ summary: `gain in ${metric}` }, [
    {
      base: stages.base.perExample,
      best: stages.best.perExample,
      metric,
      seed: spec.search.seed,
      resamples: 10_000,
    },
  ]);
}

/** A failure of what was called, as opposed to a cancel and to a defect in this code. */
const isFailure = (error: unknown): boolean => error instanceof TemporalFailure && !isCancellation(error);

/** Merges the winner into its base. Answers with why that did not work: the adapter is delivered all the same. */
async function merge(
  run: ExperimentRun,
  stages: StageOutputs,
  winner: Finalist,
): Promise<Conclusion["problem"]> {
  const input: Omit<MergeInput, "job"> = { ...modelOf(stages), checkpoint: winner.checkpoint };
  const summary = `trial ${winner.trial} into its base`;
  const onEvent = run.trace.add.bind(run.trace);
  try {
    const merged = await runJob<MergeOutput>(job(run, stages, "merge.run", "merge", input), {
      summary,
      onEvent,
    });
    stages.merge = merged;
    if (merged.passed) return null;
    const { maxLogitDifference, tolerance } = merged;
    const message = `the merged model's logits differ by ${maxLogitDifference} from the adapter's (tolerance ${tolerance})`;
    return { type: "Internal", message };
  } catch (error) {
    if (!isFailure(error)) throw error;
    const { type, message } = describeFailure(error);
    return { type, message: `output.merge: ${message}` };
  }
}

/** The winner in the shapes that were asked for. */
async function deliver(
  run: ExperimentRun,
  stages: StageOutputs,
  winner: Finalist,
): Promise<Conclusion["problem"]> {
  const { output } = stages.resolved.spec;
  const onEvent = run.trace.add.bind(run.trace);
  const problem = output.merge === "best" ? await merge(run, stages, winner) : null;
  const published = await kernel["artifact.publish"].executeWithOptions(
    { summary: `adapter of trial ${winner.trial}` },
    [{ run: run.id, stages }],
  );
  stages.adapter = published.adapter;
  if (output.push_to_hub === null) return problem;
  const push = { repo: output.push_to_hub, files: published.adapter };
  try {
    stages.hub = await runJob<HubPushOutput>(job(run, stages, "hub.push", "hub", push), {
      summary: output.push_to_hub,
      onEvent,
    });
  } catch (error) {
    if (!isFailure(error)) throw error;
    warn(run, stages, `not uploaded to ${output.push_to_hub}: ${describeFailure(error).message}`);
  }
  return problem;
}

async function writeManifest(run: ExperimentRun, stages: StageOutputs): Promise<ArtifactRef> {
  // Whatever segments an engine shipped after its last answer: a killed worker ships the rest when it starts again.
  await kernel["trace.ingest"].executeWithOptions({ summary: "rest of the trace" }, [
    { run: run.id, segments: [] },
  ]);
  await run.trace.drain();
  return kernel["manifest.write"].executeWithOptions({ summary: "manifest.json" }, [{ run: run.id, stages }]);
}

/** A verification that cannot be carried out has not passed; it does not undo the run. */
async function verify(run: ExperimentRun): Promise<ReproducibilityVerdict> {
  try {
    return await executeChild(WorkflowTypes.verify, {
      workflowId: `${run.id}/verify`,
      args: [{ run: run.id }],
      staticSummary: `Verification of ${run.name}`,
    });
  } catch (error) {
    if (!isFailure(error)) throw error;
    const { type, message } = describeFailure(error);
    return {
      level: null,
      passed: false,
      details: [{ level: "L0", passed: false, message: `${type}: ${message}` }],
    };
  }
}
