/**
 * Name of a workflow as a source of events: `<workflow id>@<first run id>`, one for the whole chain of a workflow that
 * continues as new. A reset forks history, so what follows it is a source of its own: else its events would carry
 * numbers that the abandoned branch has used.
 */
export function traceSource(
  info: { workflowId: string; runId: string; firstExecutionRunId: string; originalExecutionRunId: string },
  carried?: string,
): string {
  const wasReset = info.runId !== info.originalExecutionRunId;
  if (wasReset) return `${info.workflowId}@${info.runId}`;
  return carried ?? `${info.workflowId}@${info.firstExecutionRunId}`;
}
