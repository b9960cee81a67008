import { MockActivityEnvironment } from "@temporalio/testing";

/** Calls an activity as the workflow execution with this run id would. */
export const callFrom = <A, R>(execution: string, activity: (input: A) => Promise<R>, input: A): Promise<R> =>
  new MockActivityEnvironment({ workflowExecution: { workflowId: "test", runId: execution } }).run(
    activity,
    input,
  ) as Promise<R>;

/** The failure of an activity; what it returned instead makes the test fail. */
export async function failureOf(
  work: Promise<unknown>,
): Promise<{ type?: string; message: string; nonRetryable?: boolean }> {
  let value: unknown;
  try {
    value = await work;
  } catch (error) {
    return error as { type?: string; message: string };
  }
  throw new Error(`expected a failure, got ${JSON.stringify(value)}`);
}
