import type { Client } from "@temporalio/client";
import { Messages, type TrialAccount, trialId } from "../../workflows/contracts";
import { fewAtATime } from "./workflows";

/** For the answer of a workflow that is replayed to give it. */
const ANSWER_MS = 10_000;

/**
 * What trials that were closed from outside had used and left behind: a workflow answers queries also after its end. One
 * that does not (its history is gone, or it had not begun) is left out.
 */
export async function accountsOf(
  client: Client,
  run: string,
  trials: readonly number[],
): Promise<TrialAccount[]> {
  const answers = await fewAtATime(trials, (trial) =>
    client
      .withDeadline(Date.now() + ANSWER_MS, () =>
        client.workflow.getHandle(trialId(run, trial)).query<TrialAccount>(Messages.trialAccount),
      )
      .catch(() => undefined),
  );
  return answers.filter((answer) => answer !== undefined);
}
