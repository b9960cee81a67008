import {
  ApplicationFailure,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  setHandler,
} from "@temporalio/workflow";

/** Workflows that stand still until they are told how to end. */
export const endSignal = defineSignal<["complete" | "fail" | "continue"]>("end");

/** What a trial's workflow answers of itself. */
const accountQuery = defineQuery<unknown>("trialAccount");

/** `account`: what it answers when it is asked, as a trial is; without one it does not know the question. */
export async function standingWorkflow(account?: unknown): Promise<void> {
  let how: string | undefined;
  setHandler(endSignal, (told) => {
    how = told;
  });
  if (account) setHandler(accountQuery, () => account);
  await condition(() => how !== undefined);
  if (how === "fail") throw ApplicationFailure.nonRetryable("told to fail");
  if (how === "continue") await continueAsNew<typeof standingWorkflow>();
}
