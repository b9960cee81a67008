import type { RunState } from "../contracts/messages";
import { isRunEnded } from "../contracts/states";
import type { Transitions } from "./machine";

/** created -> running <-> paused -> finalizing -> completed | failed | cancelled */
export const runTransitions: Transitions<RunState> = {
  created: ["running", "failed", "cancelled"],
  running: ["paused", "finalizing", "failed", "cancelled"],
  paused: ["running", "failed", "cancelled"],
  finalizing: ["completed", "failed", "cancelled"],
  completed: [],
  failed: [],
  cancelled: [],
};

/** A pause or a resume asked for now takes effect. Before `running` it is kept until then. */
export const isPausable = (state: RunState): boolean =>
  state === "created" || state === "running" || state === "paused";

/** A cancel asked for now takes effect. */
export const isCancellable = (state: RunState): boolean => !isRunEnded(state);
