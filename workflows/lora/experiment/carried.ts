import { ApplicationFailure } from "@temporalio/workflow";
import type { RunState } from "../../contracts/messages";
import type { ResolvedSpec } from "../../contracts/resolved";
import type { DatasetSummary, SearchPlan } from "../../contracts/skills";
import type { ExperimentContinuation, ExperimentOptions } from "../../contracts/workflow-inputs";
import type { SearchState } from "../search/state";

/** What an experiment takes along when it continues as new: one JSON object, at most 256 KiB at any length. */
export interface Carried {
  schema: 1;
  startedAt: number;
  trace: { source: string; seq: number };
  state: RunState;
  paused: boolean;
  maxConcurrentTrials: number;
  resolved: ResolvedSpec;
  dataset: DatasetSummary;
  plan: SearchPlan;
  search: SearchState;
}

/** Reads the second argument, which a person may have written by hand. */
export function readContinuation(continuation: ExperimentContinuation | undefined | null): {
  options: ExperimentOptions;
  carried: Carried | null;
} {
  if (continuation === undefined || continuation === null) return { options: {}, carried: null };
  const { version, carried = null } = continuation;
  const options = continuation.options ?? {};
  if (version !== 1) throw invalid(`version: expected 1, got ${JSON.stringify(version)}`);
  for (const key of ["maxHistoryLength", "reconcileSeconds"] as const) {
    const value = options[key];
    if (value !== undefined && !(Number.isFinite(value) && value > 0)) {
      throw invalid(`options.${key}: expected a positive number, got ${JSON.stringify(value)}`);
    }
  }
  const state = carried as Carried | null;
  if (state !== null && state.schema !== 1)
    throw invalid(`carried.schema: expected 1, got ${JSON.stringify(state.schema)}`);
  return { options, carried: state };
}

const invalid = (message: string) =>
  ApplicationFailure.nonRetryable(`second argument of experimentWorkflow: ${message}`, "InvalidSpec");
