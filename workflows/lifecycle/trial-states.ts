import type { TrialEndState, TrialState } from "../contracts/trial";
import { isEnd, type Transitions } from "./machine";

/**
 * A trial as its own workflow sees it. `pending`: opened, no engine yet asked. `waiting`: at a rung, for the verdict.
 * Only training can be paused; evaluation and storing are short and run to their end.
 */
export const trialTransitions: Transitions<TrialState> = {
  pending: ["running", "paused", "failed", "cancelled"],
  running: ["waiting", "paused", "evaluating", "diverged", "failed", "cancelled"],
  waiting: ["running", "paused", "pruned", "failed", "cancelled"],
  paused: ["running", "failed", "cancelled"],
  evaluating: ["storing", "failed", "cancelled"],
  storing: ["completed", "failed", "cancelled"],
  completed: [],
  pruned: [],
  diverged: [],
  failed: [],
  cancelled: [],
};

export const isTrialOver = (state: TrialState): state is TrialEndState => isEnd(trialTransitions, state);

/** Counts against `max_concurrent_trials`. A trial at a synchronous rung does not: it holds no seat. */
export const isOccupying = (state: TrialState): boolean =>
  state === "running" || state === "paused" || state === "evaluating" || state === "storing";

/** Ended at its own fault, without an objective value. */
export const isLost = (state: TrialState): boolean =>
  state === "diverged" || state === "failed" || state === "cancelled";
