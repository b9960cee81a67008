import type { NamedArtifact } from "../../contracts/artifact";
import type { HubPushOutput, MergeInput, MergeOutput } from "../../contracts/skills";
import type { StageOutputs } from "../../contracts/stages";
import { kernel } from "../../proxies";
import { describeFailure, isCallFailure } from "../../reliability/failures";
import type { Finalist } from "../search/ranking";
import type { ExperimentRun } from "./experiment-run";
import { modelOf, type Problem, runStageJob, stageJob, warn } from "./stage-jobs";

/** Merges the winner into its base. Answers with why that did not work: the adapter is delivered all the same. */
async function merge(run: ExperimentRun, stages: StageOutputs, winner: Finalist): Promise<Problem | null> {
  const input: Omit<MergeInput, "job"> = { ...modelOf(stages), checkpoint: winner.checkpoint };
  const summary = `trial ${winner.trial} into its base`;
  try {
    const merged = await runStageJob<MergeOutput>(run, stageJob(run, stages, "merge.run", "merge", input), {
      summary,
    });
    // The merge brings its base's tokenizer; the one that the rows were tokenised with knows their chat template too.
    stages.merge = { ...merged, files: withReplaced(merged.files, stages.dataset?.tokenizer ?? []) };
    if (merged.passed) return null;
    const { maxLogitDifference, tolerance } = merged;
    const message = `the merged model's logits differ by ${maxLogitDifference} from the adapter's (tolerance ${tolerance})`;
    return { type: "Internal", message };
  } catch (error) {
    if (!isCallFailure(error)) throw error;
    const { type, message } = describeFailure(error);
    return { type, message: `output.merge: ${message}` };
  }
}

/** A folder's files, those of `others` in place of any of the same path; in path order. */
function withReplaced(files: readonly NamedArtifact[], others: readonly NamedArtifact[]): NamedArtifact[] {
  const replaced = new Set(others.map(({ path }) => path));
  const all = [...files.filter(({ path }) => !replaced.has(path)), ...others];
  return all.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The winner in the shapes that were asked for. Answers with what could not be had. */
export async function deliver(
  run: ExperimentRun,
  stages: StageOutputs,
  winner: Finalist,
): Promise<Problem[]> {
  const { output } = stages.resolved.spec;
  const unmerged = output.merge === "best" ? await merge(run, stages, winner) : null;
  const published = await kernel["artifact.publish"].executeWithOptions(
    { summary: `adapter of trial ${winner.trial}` },
    [{ run: run.id, stages }],
  );
  stages.adapter = published.adapter;
  const problems = [unmerged, published.exportProblem].filter((problem) => !!problem);
  if (output.push_to_hub === null) return problems;
  const push = { repo: output.push_to_hub, files: published.adapter };
  try {
    stages.hub = await runStageJob<HubPushOutput>(run, stageJob(run, stages, "hub.push", "hub", push), {
      summary: output.push_to_hub,
    });
  } catch (error) {
    if (!isCallFailure(error)) throw error;
    warn(run, stages, `not uploaded to ${output.push_to_hub}: ${describeFailure(error).message}`);
  }
  return problems;
}
