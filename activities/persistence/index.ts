import { activityInfo } from "@temporalio/activity";
import type { KernelActivities } from "../../workflows/contracts";
import { failure } from "../failure";
import type { Database } from "./database";
import { recordRun } from "./runs";
import { openTrials, recordOutcome, recordRung } from "./trials";

type PersistenceActivities = Pick<
  KernelActivities,
  "run.record" | "trials.open" | "trials.recordRung" | "trials.recordOutcome"
>;

/** Short database work, called as local activities by the workflows whose rows these are. */
export const createPersistenceActivities = ({ db }: { db: Database }): PersistenceActivities => ({
  "run.record": (record) => {
    const { runId, namespace } = caller();
    return db.transaction((tx) => recordRun(tx, record, runId, namespace));
  },
  "trials.open": ({ run, trials }) => openTrials(db, run, trials, caller().runId),
  "trials.recordRung": (record) => recordRung(db, record),
  "trials.recordOutcome": ({ run, ordinal, outcome, chain }) =>
    recordOutcome(db, run, ordinal, outcome, chain),
});

/** The workflow execution that called the activity. */
function caller(): { runId: string; namespace: string } {
  const { workflowExecution, namespace } = activityInfo();
  if (!workflowExecution) throw failure("Internal", "this activity is for workflows only");
  return { runId: workflowExecution.runId, namespace };
}
