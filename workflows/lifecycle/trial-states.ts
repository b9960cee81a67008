import type { TrialState } from "../contracts/trial";
import type { Transitions } from "./machine";

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
