import { isRunEnded } from "../../../workflows/contracts/states";
import { BelayError } from "../../errors";
import type { Run } from "../../run";
import { hasHeartbeat, type LiveState, type TrialProgress } from "./state";
import { describeFailures, describeWork, retriedOnly } from "./under-way";

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
  underWay: null,
  retried: null,
  trouble: null,
});

/** Looks at a run once. What does not answer becomes the view's trouble line, and the rest stays as it was. */
export async function look(run: Run, before: LiveState): Promise<LiveState> {
  try {
    const [status, trials, work] = await Promise.all([run.status(), run.trials(), run.pendingWork()]);
    const underWay = describeWork(status.stage === "search" ? retriedOnly(work) : work);
    const heard = await heartbeats(
      run,
      trials.filter(hasHeartbeat).map(({ workflowId, trial }) => ({ workflowId, trial })),
    );
    return {
      ...before,
      now: Date.now(),
      endedAt: isRunEnded(status.state) ? await run.endedAt() : null,
      status,
      trials,
      progress: new Map([...before.progress, ...heard]),
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

async function heartbeats(
  run: Run,
  trials: readonly { workflowId: string; trial: number }[],
): Promise<[number, TrialProgress][]> {
  const heard = await Promise.all(
    trials.slice(0, MAX_HEARTBEATS).map(async ({ workflowId, trial }): Promise<[number, TrialProgress][]> => {
      const work = await run.pendingWork(workflowId).catch(missing);
      const training = work.find((each) => each.training !== null)?.training;
      return training
        ? [[trial, { step: training.step, totalSteps: training.totalSteps, loss: training.loss }]]
        : [];
    }),
  );
  return heard.flat();
}

/** A trial that has just ended, or not begun, has nothing pending. */
function missing(error: unknown): [] {
  if (error instanceof BelayError && error.code === "NotFound") return [];
  throw error;
}
