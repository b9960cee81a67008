import { defineSearchAttributeKey } from "@temporalio/common";
import { defineQuery, defineSignal, defineUpdate } from "@temporalio/workflow";
import {
  Messages,
  type RunStatus,
  type SetMaxConcurrentTrials,
  type TrialControl,
  type TrialRow,
} from "../contracts/messages";
import { SearchAttributeTypes } from "../contracts/search-attributes";
import type { RungReport, TrialAccount, TrialOutcome } from "../contracts/trial";

export const statusQuery = defineQuery<RunStatus>(Messages.status);
export const trialsQuery = defineQuery<TrialRow[]>(Messages.trials);
export const trialStatusQuery = defineQuery<TrialRow>(Messages.status);
export const trialAccountQuery = defineQuery<TrialAccount>(Messages.trialAccount);

export const pauseUpdate = defineUpdate<RunStatus>(Messages.pause);
export const resumeUpdate = defineUpdate<RunStatus>(Messages.resume);
export const cancelUpdate = defineUpdate<RunStatus>(Messages.cancel);
export const setMaxConcurrentTrialsUpdate = defineUpdate<RunStatus, [SetMaxConcurrentTrials]>(
  Messages.setMaxConcurrentTrials,
);

export const rungReportSignal = defineSignal<[RungReport]>(Messages.rungReport);
export const trialOutcomeSignal = defineSignal<[TrialOutcome]>(Messages.trialOutcome);
export const trialControlSignal = defineSignal<[TrialControl]>(Messages.trialControl);

export const attributes = {
  experiment: defineSearchAttributeKey("BelayExperiment", SearchAttributeTypes.BelayExperiment),
  trial: defineSearchAttributeKey("BelayTrial", SearchAttributeTypes.BelayTrial),
  state: defineSearchAttributeKey("BelayState", SearchAttributeTypes.BelayState),
  objective: defineSearchAttributeKey("BelayObjective", SearchAttributeTypes.BelayObjective),
};
