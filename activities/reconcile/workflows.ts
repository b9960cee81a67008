import type { Client } from "@temporalio/client";
import { isGrpcServiceError, WorkflowNotFoundError } from "@temporalio/client";
import { failure } from "../failure";

export type WorkflowStanding =
  | { open: true; chain: string | null }
  | { open: false; ended: "completed" | "failed" | "cancelled" | "terminated" | "timedOut" | "unknown" };

const endings: Record<string, Extract<WorkflowStanding, { open: false }>["ended"]> = {
  COMPLETED: "completed",
  FAILED: "failed",
  CANCELLED: "cancelled",
  TERMINATED: "terminated",
  TIMED_OUT: "timedOut",
};

/**
 * How a workflow stands now, by id alone: one that was reset or continued as new is open in its newest execution.
 * One that Temporal no longer knows (its retention has passed) has ended.
 */
export async function workflowStanding(client: Client, workflowId: string): Promise<WorkflowStanding> {
  try {
    const { status, raw } = await client.workflow.getHandle(workflowId).describe();
    if (status.name === "RUNNING" || status.name === "PAUSED" || status.name === "CONTINUED_AS_NEW")
      return { open: true, chain: raw.workflowExecutionInfo?.firstRunId ?? null };
    return { open: false, ended: endings[status.name] ?? "unknown" };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { open: false, ended: "unknown" };
    throw unanswered(`did not say how ${workflowId} stands`, error);
  }
}

const CONCURRENT = 16;

/** Standings of many workflows, a few at a time. */
export async function workflowStandings(
  client: Client,
  workflowIds: readonly string[],
): Promise<WorkflowStanding[]> {
  return fewAtATime(workflowIds, (id) => workflowStanding(client, id));
}

/** Asks of each, of a few at once; the answers come in the order of what was asked. */
export async function fewAtATime<Item, Answer>(
  items: readonly Item[],
  ask: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let from = 0; from < items.length; from += CONCURRENT)
    answers.push(...(await Promise.all(items.slice(from, from + CONCURRENT).map(ask))));
  return answers;
}

/** Asks for a workflow's cancellation. One that has ended needs none. */
export async function cancelWorkflow(client: Client, workflowId: string): Promise<void> {
  try {
    await client.workflow.getHandle(workflowId).cancel();
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw unanswered(`did not cancel ${workflowId}`, error);
  }
}

function unanswered(what: string, error: unknown) {
  const reason = isGrpcServiceError(error) ? error.details : String(error);
  return failure("StorageUnavailable", `the Temporal Service ${what}: ${reason}`, { cause: error });
}
