import type { OpenTrial } from "../../contracts/activities";
import type { TrialRow } from "../../contracts/messages";
import type { TrialOutcome } from "../../contracts/trial";
import { trialId } from "../../contracts/trial-id";
import type { LiveTrial } from "./state";

export interface AskRequest {
  trials: number[];
  tellCount: number;
  pending: number[];
}

/** The row of a trial that is about to start, with what its proposal had seen. */
export const openRow = (run: string, trial: LiveTrial, { tellCount, pending }: AskRequest): OpenTrial => ({
  trial: trial.trial,
  workflowId: trialId(run, trial.trial),
  params: trial.params,
  modelBased: trial.modelBased,
  tellCount,
  pending,
  seed: trial.seed,
  replicateOf: trial.replicateOf,
});

/** A trial that has ended, as people see it. */
export const endedRow = (run: string, trial: LiveTrial, outcome: TrialOutcome): TrialRow => ({
  trial: trial.trial,
  workflowId: trialId(run, trial.trial),
  state: outcome.state,
  params: trial.params,
  modelBased: trial.modelBased,
  rung: trial.reports === 0 ? null : trial.reports - 1,
  step: outcome.step,
  totalSteps: trial.totalSteps,
  value: outcome.value,
});
