import type { Client } from "@temporalio/client";
import type { KernelActivities } from "../../workflows/contracts";
import type { Database } from "../persistence/database";
import { withoutOutcome } from "../persistence/trials";
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
      trials.map((trial) => `${run}/trial-${trial}`),
    );
    const closed = trials.filter((_, i) => standings[i]?.open === false);
    const open = await withoutOutcome(db, run, closed);
    return { gone: closed.filter((trial) => open.has(trial)) };
  },
  "run.isOpen": async ({ run, chain }) => {
    const standing = await workflowStanding(temporal, run);
    return { open: standing.open && (standing.chain === null || standing.chain === chain) };
  },
  "run.cancel": ({ run }) => cancelWorkflow(temporal, run),
});
