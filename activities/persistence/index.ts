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
  "run.record": (record) => db.transaction((tx) => recordRun(tx, record, callingExecution())),
  "trials.open": ({ run, trials }) => openTrials(db, run, trials, callingExecution()),
  "trials.recordRung": (record) => recordRung(db, record),
  "trials.recordOutcome": ({ run, ordinal, outcome }) => recordOutcome(db, run, ordinal, outcome),
});

/** Temporal run id of the workflow that called the activity. */
function callingExecution(): string {
  const { workflowExecution } = activityInfo();
  if (!workflowExecution) throw failure("Internal", "this activity is for workflows only");
  return workflowExecution.runId;
}
