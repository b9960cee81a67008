import type { RunStatus, TrialRow, TrialState } from "../../../workflows/contracts";
import { isTrialEnded } from "../../../workflows/contracts/states";

/** Where a running trial is, from its newest heartbeat. */
export interface TrialProgress {
  step: number;
  totalSteps: number;
  loss: number | null;
  /** The newest that was heard of. */
  evaluation: { step: number; metrics: Readonly<Record<string, number>> } | null;
}

/** Everything the live view shows; a function of it alone. */
export interface LiveState {
  run: string;
  /** The run's page in Temporal's UI. */
  uiUrl: string | null;
  /** Epoch milliseconds. */
  now: number;
  /** When the run ended, in epoch milliseconds; null while it goes on. */
  endedAt: number | null;
  /** Null until a kernel worker has answered. */
  status: RunStatus | null;
  trials: TrialRow[];
  /** By trial number. */
  progress: ReadonlyMap<number, TrialProgress>;
  /** Running trials, by number, that have no place on an engine yet. */
  queued: ReadonlySet<number>;
  /** Since when all trials have waited for a GPU worker, in epoch milliseconds; null while one has work. */
  standsSince: number | null;
  /** What the run itself has under way, in words; null during the search, whose table says it. */
  underWay: string | null;
  /** What failed and is being tried again, in words, the same for every attempt; null when nothing is. */
  retried: string | null;
  /** A trouble that is being waited out. */
  trouble: string | null;
}

/** Milliseconds from the run's start to its end, or to now. */
export const elapsed = ({ now, endedAt }: LiveState, { startedAt }: RunStatus): number =>
  (endedAt ?? now) - startedAt;

const ACTIVE: ReadonlySet<TrialState> = new Set(["running", "waiting", "paused", "evaluating", "storing"]);

export const isActive = ({ state }: Pick<TrialRow, "state">): boolean => ACTIVE.has(state);
export const isEnded = ({ state }: Pick<TrialRow, "state">): boolean => isTrialEnded(state);
/** Only these have heartbeats to read. */
export const hasHeartbeat = ({ state }: Pick<TrialRow, "state">): boolean => state === "running";
