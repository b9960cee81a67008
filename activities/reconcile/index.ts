import type { Client } from "@temporalio/client";
import { type KernelActivities, trialId } from "../../workflows/contracts";
import type { Database } from "../persistence/database";
import { readOutcomes } from "../persistence/read-trials";
import { accountsOf } from "./accounts";
import { cancelWorkflow, workflowStanding, workflowStandings } from "./workflows";

type ReconcileActivities = Pick<KernelActivities, "trials.reconcile" | "run.isOpen" | "run.cancel">;

/** Compares what the rows say with what Temporal says. */
export const createReconcileActivities = ({
  db,
  temporal,
}: {
  db: Database;
  temporal: Client;
}): ReconcileActivities => ({
  "trials.reconcile": async ({ run, trials }) => {
    const standings = await workflowStandings(
      temporal,
      trials.map((trial) => trialId(run, trial)),
    );
    const closed = trials.filter((_, i) => standings[i]?.open === false);
    const ended = await readOutcomes(db, run, closed);
    const known = new Set(ended.map(({ trial }) => trial));
    const gone = closed.filter((trial) => !known.has(trial));
    return { gone, ended, accounts: await accountsOf(temporal, run, gone) };
  },
  "run.isOpen": async ({ run, chain }) => {
    const standing = await workflowStanding(temporal, run);
    return { open: standing.open && (standing.chain === null || standing.chain === chain) };
  },
  "run.cancel": ({ run }) => cancelWorkflow(temporal, run),
});
