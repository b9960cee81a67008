import type { WorkflowExecutionStatusName } from "@temporalio/client";
import { defineSearchAttributeKey } from "@temporalio/common";
import { RunState, WorkflowTypes } from "../workflows/contracts";
import type { Connected } from "./connection";
import { translateError } from "./grpc-errors";

export interface ListedRun {
  run: string;
  /** `terminated` and `timed_out` are Temporal's doing, so that the run could not say a state of its own. */
  state: RunState | "terminated" | "timed_out";
  startedAt: Date;
  endedAt: Date | null;
}

/** Experiments in Temporal's visibility store, newest first; a run that continued as new is there once. */
export async function listRuns({ client, address }: Connected, limit: number): Promise<ListedRun[]> {
  const runs = new Map<string, ListedRun>();
  try {
    const found = client.workflow.list({ query: `WorkflowType = '${WorkflowTypes.experiment}'` });
    for await (const { workflowId, status, startTime, closeTime, typedSearchAttributes } of found) {
      const known = runs.get(workflowId);
      if (known) {
        // An earlier execution of the same run: only the run's beginning is still to be learnt from it.
        if (startTime < known.startedAt) known.startedAt = startTime;
        continue;
      }
      if (runs.size >= limit) break;
      runs.set(workflowId, {
        run: workflowId,
        state: stateOf(status.name, typedSearchAttributes.get(STATE)),
        startedAt: startTime,
        endedAt: closeTime ?? null,
      });
    }
  } catch (error) {
    throw translateError(error, "list", address);
  }
  return [...runs.values()];
}

const STATE = defineSearchAttributeKey("BelayState", "KEYWORD");

/** What the run last said of itself, unless Temporal knows that it ended otherwise. */
function stateOf(status: WorkflowExecutionStatusName, said: string | undefined): ListedRun["state"] {
  const known = RunState.safeParse(said);
  switch (status) {
    case "COMPLETED":
      return known.success ? known.data : "completed";
    case "FAILED":
      return "failed";
    case "CANCELLED":
      return "cancelled";
    case "TERMINATED":
      return "terminated";
    case "TIMED_OUT":
      return "timed_out";
    default:
      return known.success ? known.data : "running";
  }
}
