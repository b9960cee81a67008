import type { ActivityOptions, LocalActivityOptions, RetryPolicy } from "@temporalio/workflow";
import { TaskQueues } from "../contracts/task-queues";
import { attemptsInAnHour } from "./backoff";
import { neverRetried } from "./failures";

/**
 * Timeouts and retries per class of work. Storage may be away for a while without harm to a run, so everything that
 * needs it is retried for an hour; what cannot succeed is not retried at all.
 */
const retry: RetryPolicy = {
  initialInterval: "200ms",
  backoffCoefficient: 2,
  maximumInterval: "30s",
  nonRetryableErrorTypes: [...neverRetried],
};

/**
 * Before a run has done anything, a missing server should be told soon: within about a minute. Bounded by attempts,
 * since a local activity that is retried in its worker does not regard its schedule-to-close timeout. Waits above the
 * threshold are timers, which do not keep the workflow task open.
 */
export const firstContact: LocalActivityOptions = {
  startToCloseTimeout: "10s",
  localRetryThreshold: "5s",
  retry: { ...retry, maximumAttempts: 9 },
};

/** A few rows in Postgres, inside the workflow task: for about an hour. */
export const shortDatabaseWork: LocalActivityOptions = {
  startToCloseTimeout: "10s",
  localRetryThreshold: "5s",
  retry: { ...retry, maximumAttempts: attemptsInAnHour },
};

/** Reads and hashes the files that a spec names. */
export const resolving: ActivityOptions = {
  taskQueue: TaskQueues.kernel,
  startToCloseTimeout: "30m",
  heartbeatTimeout: "10s",
  scheduleToCloseTimeout: "1h",
  cancellationType: "TRY_CANCEL",
  retry: { ...retry, maximumAttempts: 8 },
};

/** Rows, objects and files, in the kernel worker. The worker heartbeats for every activity of this class. */
export const kernelWork: ActivityOptions = {
  taskQueue: TaskQueues.kernel,
  startToCloseTimeout: "1h",
  heartbeatTimeout: "10s",
  scheduleToCloseTimeout: "2h",
  cancellationType: "TRY_CANCEL",
  retry: { ...retry, maximumAttempts: attemptsInAnHour },
};

/** CPU skills in Python. The worker heartbeats for every activity of this class. */
export const skillWork: ActivityOptions = {
  taskQueue: TaskQueues.ml,
  startToCloseTimeout: "6h",
  heartbeatTimeout: "10s",
  scheduleToCloseTimeout: "12h",
  cancellationType: "TRY_CANCEL",
  retry: { ...retry, maximumAttempts: attemptsInAnHour },
};

/** The mirror study only feeds a dashboard: given up soon, tried again with the next tells. */
export const mirrorWork: ActivityOptions = {
  taskQueue: TaskQueues.ml,
  startToCloseTimeout: "60s",
  scheduleToCloseTimeout: "2m",
  cancellationType: "TRY_CANCEL",
  retry: { ...retry, maximumAttempts: 3 },
};

/** The wait for a free seat has no bound of its own; the answer, once an engine took the request, has. */
export const seatRequest: ActivityOptions = {
  taskQueue: TaskQueues.gpuPool,
  startToCloseTimeout: "60s",
  heartbeatTimeout: "10s",
  scheduleToCloseTimeout: "60 days",
  cancellationType: "WAIT_CANCELLATION_COMPLETED",
  // A request that found no room goes back to the pool; waiting long before it does would leave seats empty.
  retry: { ...retry, maximumInterval: "2s" },
};

/** On an engine's own queue: a queue that nobody polls is an engine that is gone. */
export const engineWork = (taskQueue: string, timeoutSeconds: number): ActivityOptions => ({
  taskQueue,
  startToCloseTimeout: timeoutSeconds * 1000,
  scheduleToStartTimeout: "30s",
  heartbeatTimeout: "10s",
  cancellationType: "WAIT_CANCELLATION_COMPLETED",
  // Every attempt needs a new epoch and perhaps another engine, so the workflow retries, not Temporal.
  retry: { maximumAttempts: 1 },
});

/** A seat that cannot be given back belongs to an engine that is gone. */
export const seatRelease = (taskQueue: string): ActivityOptions => ({
  taskQueue,
  startToCloseTimeout: "10s",
  scheduleToStartTimeout: "10s",
  retry: { maximumAttempts: 2, nonRetryableErrorTypes: [...neverRetried] },
});

/** Longest time of one leg. What guards its life is the heartbeat; a leg that ran out of time would end its trial. */
export const legSeconds = 30 * 86_400;
