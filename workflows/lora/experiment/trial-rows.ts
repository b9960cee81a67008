import type { TrialRow } from "../../contracts/messages";
import { trialId } from "../../contracts/trial-id";
import type { Search } from "../search/search";
import type { LiveTrial } from "../search/state";

/** Open trials in full, then the newest ended ones, by number. */
export function trialRows(search: Search, paused: boolean): TrialRow[] {
  const open = search.open().map((trial) => openRow(search, trial, paused));
  return [...search.facts.ended, ...open].sort((a, b) => a.trial - b.trial);
}

function openRow(search: Search, trial: LiveTrial, paused: boolean): TrialRow {
  const reports = trial.reports;
  return {
    trial: trial.trial,
    workflowId: trialId(search.setup.run, trial.trial),
    state: paused && trial.state === "running" ? "paused" : trial.state,
    params: trial.params,
    modelBased: trial.modelBased,
    rung: reports === 0 ? null : reports - 1,
    step: search.stepOf(trial),
    totalSteps: trial.totalSteps,
    value: trial.value,
  };
}
