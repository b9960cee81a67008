import type { RunState } from "./messages";
import { TrialEndState, type TrialState } from "./trial";

/** States that a run does not leave by itself. */
export const runEndStates: readonly RunState[] = ["completed", "failed", "cancelled"];
export const isRunEnded = (state: RunState): boolean => runEndStates.includes(state);

export const isTrialEnded = (state: TrialState): state is TrialEndState =>
  (TrialEndState.options as readonly string[]).includes(state);
