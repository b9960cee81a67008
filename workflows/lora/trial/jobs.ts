import type { CheckpointRef } from "../../contracts/artifact";
import { JobSpec } from "../../contracts/job-spec";
import type { EvalInput, TrainingInput } from "../../contracts/skills";
import { trialId } from "../../contracts/trial-id";
import type { TrialInput } from "../../contracts/workflow-inputs";
import { legSeconds } from "../../reliability/policies";
import { trialMetrics } from "../metrics";

/** Seconds an engine may keep a trial's state in memory at a rung. */
const parkSeconds = 60;

/** Train up to `targetStep`, evaluate, checkpoint. */
export function trainingJob(input: TrialInput, targetStep: number): JobSpec {
  const { spec } = input.resolved;
  const params: Omit<TrainingInput, "job"> = {
    trial: input.trial,
    task: spec.task,
    model: spec.model,
    dataset: input.dataset,
    config: input.config,
    eval: spec.eval,
    save: spec.save,
    targetStep,
    totalSteps: input.totalSteps,
    parkSeconds: targetStep < input.totalSteps ? parkSeconds : 0,
  };
  return JobSpec.parse({
    entrypoint: "training.run",
    run: input.run,
    subject: trialId(input.run, input.trial),
    chain: input.chain,
    params,
    placement: spec.placement,
    timeoutSeconds: legSeconds,
    checkpoint: true,
  });
}

/** Score the trained adapter on the validation rows. */
export function evaluationJob(input: TrialInput, checkpoint: CheckpointRef): JobSpec {
  const { spec } = input.resolved;
  const params: Omit<EvalInput, "job"> = {
    label: `trial-${input.trial}`,
    task: spec.task,
    model: spec.model,
    dataset: input.dataset,
    checkpoint,
    split: "validation",
    metrics: trialMetrics(spec),
    eval: spec.eval,
    baselines: false,
  };
  return JobSpec.parse({
    entrypoint: "eval.run",
    run: input.run,
    subject: trialId(input.run, input.trial),
    chain: input.chain,
    params,
    placement: spec.placement,
  });
}
