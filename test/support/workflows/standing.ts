import { ApplicationFailure, condition, continueAsNew, defineSignal, setHandler } from "@temporalio/workflow";

/** Workflows that stand still until they are told how to end. */
export const endSignal = defineSignal<["complete" | "fail" | "continue"]>("end");

export async function standingWorkflow(): Promise<void> {
  let how: string | undefined;
  setHandler(endSignal, (told) => {
    how = told;
  });
  await condition(() => how !== undefined);
  if (how === "fail") throw ApplicationFailure.nonRetryable("told to fail");
  if (how === "continue") await continueAsNew<typeof standingWorkflow>();
}
