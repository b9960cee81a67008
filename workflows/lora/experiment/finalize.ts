import { ApplicationFailure, executeChild, isCancellation } from "@temporalio/workflow";
import type { ArtifactRef } from "../../contracts/artifact";
import { JobSpec } from "../../contracts/job-spec";
import { type ExperimentResult, type ReproducibilityVerdict, WorkflowTypes } from "../../contracts/messages";
import type { EvalInput, EvalOutput, HubPushOutput, MergeInput, MergeOutput } from "../../contracts/skills";
import type { StageOutputs } from "../../contracts/stages";
import { runJob, sessionFor } from "../../dispatch/run-job";
import { kernel, skills } from "../../proxies";
import { describeFailure } from "../../reliability/failures";
import { reportMetric, testMetrics } from "../metrics";
import type { Finalist } from "../search/ranking";
import type { Search } from "../search/search";
import type { ExperimentRun } from "./experiment-run";
import { experimentResult } from "./result";

/** From the ended search to the report: select, test, merge, publish, write the manifest, verify, render. */
export async function finalize(run: ExperimentRun, search: Search): Promise<ExperimentResult> {
  const stages = run.stages as StageOutputs;
  const winner = await run.inStage("select", () => select(run, search, stages));
  await run.inStage("test", () => test(run, stages, winner));
  if (winner !== null) await run.inStage("merge", () => deliver(run, stages, winner));
  const manifest = await run.inStage("report", () => writeManifest(run, stages));
  if (winner !== null) stages.reproducibility = await run.inStage("verify", () => verify(run));
  const report = await run.inStage("report", () =>
    kernel["report.render"].executeWithOptions({ summary: "report.html and report.md" }, [
      { run: run.id, stages, manifest },
    ]),
  );
  return experimentResult({ run, search, stages, manifest, report });
}

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

/** Base and winner, each once, on rows the search never saw; one seat for both. */
async function test(run: ExperimentRun, stages: StageOutputs, winner: Finalist | null): Promise<void> {
  const { spec } = stages.resolved;
  const split = (stages.dataset?.rows.test ?? 0) > 0 ? "test" : "validation";
  if (split === "validation") {
    run.warnings.push("there are no test rows: base and winner are compared on the validation rows");
  }
  const evaluation = (label: string, checkpoint: EvalInput["checkpoint"]): Omit<EvalInput, "job"> => ({
    ...modelOf(stages),
    label,
    checkpoint,
    split,
    metrics: testMetrics(spec),
    eval: spec.eval,
    baselines: checkpoint === null && spec.task === "sequence_classification",
  });
  const base = job(run, stages, "eval.run", "test", evaluation("base", null));
  const session = sessionFor(base);
  const onEvent = run.trace.add.bind(run.trace);
  stages.base = await runJob<EvalOutput>(base, {
    session,
    keepSeat: winner !== null,
    summary: `base on ${split} rows`,
    onEvent,
  });
  if (winner === null) return;
  const best = job(run, stages, "eval.run", "test", evaluation(`trial-${winner.trial}`, winner.checkpoint));
  stages.best = await runJob<EvalOutput>(best, { session, summary: `winner on ${split} rows`, onEvent });
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

/** The winner in the shapes that were asked for. */
async function deliver(run: ExperimentRun, stages: StageOutputs, winner: Finalist): Promise<void> {
  const { output } = stages.resolved.spec;
  const onEvent = run.trace.add.bind(run.trace);
  if (output.merge === "best") {
    const input: Omit<MergeInput, "job"> = { ...modelOf(stages), checkpoint: winner.checkpoint };
    stages.merge = await runJob<MergeOutput>(job(run, stages, "merge.run", "merge", input), {
      summary: `trial ${winner.trial} into its base`,
      onEvent,
    });
    if (!stages.merge.passed) {
      const { maxLogitDifference, tolerance } = stages.merge;
      run.warnings.push(
        `the merged model's logits differ by ${maxLogitDifference} from the adapter's (tolerance ${tolerance})`,
      );
    }
  }
  const published = await kernel["artifact.publish"].executeWithOptions(
    { summary: `adapter of trial ${winner.trial}` },
    [{ run: run.id, stages }],
  );
  stages.adapter = published.adapter;
  if (output.push_to_hub === null) return;
  const push = { repo: output.push_to_hub, files: published.adapter };
  try {
    stages.hub = await runJob<HubPushOutput>(job(run, stages, "hub.push", "hub", push), {
      summary: output.push_to_hub,
      onEvent,
    });
  } catch (error) {
    if (isCancellation(error)) throw error;
    run.warnings.push(`not uploaded to ${output.push_to_hub}: ${describeFailure(error).message}`);
  }
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
    if (isCancellation(error)) throw error;
    const { type, message } = describeFailure(error);
    return {
      level: null,
      passed: false,
      details: [{ level: "L0", passed: false, message: `${type}: ${message}` }],
    };
  }
}
