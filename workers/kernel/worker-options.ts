import type { WorkerOptions } from "@temporalio/worker";
import { TaskQueues } from "../../workflows/contracts";
import type { KernelEnvironment } from "../environment";
import { heartbeatWhileRunning } from "./heartbeats";

/** Everything that decides the worker's pace, in one place. */
export const kernelWorkerOptions = ({ temporal, slots }: KernelEnvironment) =>
  ({
    namespace: temporal.namespace,
    taskQueue: TaskQueues.kernel,
    identity: `kernel@${process.pid}`,
    maxConcurrentWorkflowTaskExecutions: slots.workflowTasks,
    maxConcurrentActivityTaskExecutions: slots.activities,
    maxConcurrentLocalActivityExecutions: slots.localActivities,
    maxConcurrentWorkflowTaskPolls: 10,
    maxConcurrentActivityTaskPolls: 5,
    // A cancel reaches an activity with its next heartbeat that leaves the process.
    maxHeartbeatThrottleInterval: "2s",
    defaultHeartbeatThrottleInterval: "2s",
    shutdownGraceTime: "10s",
    shutdownForceTime: "20s",
    interceptors: { activity: [heartbeatWhileRunning] },
  }) satisfies Partial<WorkerOptions>;
