import type { TrialRow } from "../../../workflows/contracts";
import { isRunEnded } from "../../../workflows/contracts/states";
import { BelayError } from "../../errors";
import type { PendingWork } from "../../pending-work";
import type { Run } from "../../run";
import { hasHeartbeat, type LiveState, type TrialProgress } from "./state";
import {
  describeFailures,
  describeStandstill,
  describeWork,
  isQueued,
  retriedOnly,
  standsStill,
} from "./under-way";

/** Trials whose heartbeats are read at each look; more than fit a screen would only cost. */
const MAX_HEARTBEATS = 64;

export const blank = (run: string, uiUrl: string | null): LiveState => ({
  run,
  uiUrl,
  now: Date.now(),
  endedAt: null,
  status: null,
  trials: [],
  progress: new Map(),
  queued: new Set(),
  standsSince: null,
  underWay: null,
  retried: null,
  trouble: null,
});

/** Looks at a run once. What does not answer becomes the view's trouble line, and the rest stays as it was. */
export async function look(run: Run, before: LiveState): Promise<LiveState> {
  try {
    const [status, trials, work] = await Promise.all([run.status(), run.trials(), run.pendingWork()]);
    const ofTrials = await workOf(run, trials.filter(hasHeartbeat));
    const now = Date.now();
    const standsSince = standsStill([...ofTrials.values()].flat()) ? (before.standsSince ?? now) : null;
    const underWay =
      status.stage === "search"
        ? (describeWork(retriedOnly(work)) ?? describeStandstill(now - (standsSince ?? now)))
        : describeWork(work);
    return {
      ...before,
      now,
      endedAt: isRunEnded(status.state) ? await run.endedAt() : null,
      status,
      trials,
      progress: new Map([...before.progress, ...[...ofTrials].flatMap(progressOf)]),
      queued: new Set([...ofTrials].flatMap(([trial, work]) => (isQueued(work) ? [trial] : []))),
      standsSince,
      underWay,
      retried: describeFailures(work),
      trouble: null,
    };
  } catch (error) {
    // The run goes on whether or not somebody can look at it: nothing but its absence ends the view.
    if (error instanceof BelayError && error.code === "NotFound") throw error;
    const message = error instanceof Error ? error.message : String(error);
    return { ...before, now: Date.now(), trouble: `${message}; trying again` };
  }
}

/** What trials have under way, by their numbers. */
async function workOf(run: Run, trials: readonly TrialRow[]): Promise<Map<number, PendingWork[]>> {
  const found = trials
    .slice(0, MAX_HEARTBEATS)
    .map(async ({ workflowId, trial }) => [trial, await run.pendingWork(workflowId).catch(missing)] as const);
  return new Map(await Promise.all(found));
}

function progressOf([trial, work]: [number, PendingWork[]]): [number, TrialProgress][] {
  const training = work.find((each) => each.training !== null)?.training;
  if (!training) return [];
  const { step, totalSteps, loss, evaluation } = training;
  return [[trial, { step, totalSteps, loss, evaluation }]];
}

/** A trial that has just ended, or not begun, has nothing pending. */
function missing(error: unknown): [] {
  if (error instanceof BelayError && error.code === "NotFound") return [];
  throw error;
}
