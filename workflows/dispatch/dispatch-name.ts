import { workflowInfo } from "@temporalio/workflow";

// The sandbox evaluates this module once per workflow execution, so the count is one execution's.
let count = 0;

/**
 * A name for one dispatch, the same however often it is asked for. After a reset the workflow has another run id: what
 * it dispatches again has a name of its own.
 */
export const newDispatchName = (): string => `${workflowInfo().runId}/${++count}`;
