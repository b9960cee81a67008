import { ApplicationFailure, executeChild } from "@temporalio/workflow";
import type { ArtifactRef } from "../../contracts/artifact";
import { type ExperimentResult, type ReproducibilityVerdict, WorkflowTypes } from "../../contracts/messages";
import type { StageOutputs } from "../../contracts/stages";
import { kernel, skills } from "../../proxies";
import { describeFailure, isCallFailure } from "../../reliability/failures";
import type { Finalist } from "../search/ranking";
import type { Search } from "../search/search";
import { deliver } from "./delivery";
import type { ExperimentRun } from "./experiment-run";
import { experimentResult } from "./result";
import { testBase, testWinner } from "./scoring";
import { type Problem, warn } from "./stage-jobs";

/** The run's result; `problem`: why it has failed all the same. */
export interface Conclusion {
  result: ExperimentResult;
  problem: Problem | null;
}

/** From the ended search to the report: select, test, merge, publish, write the manifest, verify, render. */
export async function finalize(run: ExperimentRun, search: Search): Promise<Conclusion> {
  const stages = run.outputs;
  const { endedBecause, proposed, exhausted } = search.facts;
  const asked = stages.resolved.spec.search.num_trials;
  // A grid that has no further point has come to the end that it was given.
  if (endedBecause && proposed < asked && !exhausted)
    warn(run, stages, `the search ended after ${proposed} of ${asked} trials: ${endedBecause}`);
  const winner = await run.inStage("select", () => select(run, search, stages));
  const problems: Problem[] = [];
  if (winner === null) {
    problems.push({ type: "NoTrialCompleted", message: reasonOf(stages) });
    await run.inStage("test", () => testBase(run, stages));
  } else {
    problems.push(...(await run.inStage("test", () => testWinner(run, stages, winner))));
    problems.push(...(await run.inStage("merge", () => deliver(run, stages, winner))));
    for (const { message } of problems) warn(run, stages, message);
  }
  const problem = problems[0] ?? null;
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

async function writeManifest(run: ExperimentRun, stages: StageOutputs): Promise<ArtifactRef> {
  // Whatever segments an engine shipped after its last answer: a killed worker ships the rest when it starts again.
  try {
    await kernel["trace.ingest"].executeWithOptions({ summary: "rest of the trace" }, [
      { run: run.id, segments: [] },
    ]);
  } catch (error) {
    if (!isCallFailure(error)) throw error;
    warn(run, stages, `the trace is not complete: ${describeFailure(error).message}`);
  }
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
    if (!isCallFailure(error)) throw error;
    const { type, message } = describeFailure(error);
    return {
      level: null,
      passed: false,
      details: [{ level: "L0", passed: false, message: `${type}: ${message}` }],
    };
  }
}
