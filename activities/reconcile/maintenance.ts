import type { Client } from "@temporalio/client";
import type { ObjectStore } from "../artifacts/object-store";
import { sweepGarbage } from "../checkpoints/sweep";
import type { Database } from "../persistence/database";
import { closeRun, openRuns } from "../persistence/runs";
import { abandonedTrials, closeTrial } from "../persistence/trials";
import { type WorkflowStanding, workflowStandings } from "./workflows";

export interface MaintenanceDependencies {
  db: Database;
  store: ObjectStore;
  temporal: Client;
}

export interface MaintenanceReport {
  closedRuns: string[];
  closedTrials: string[];
  sweptFiles: string[];
}

/** How long a file that nothing names is kept: far longer than a checkpoint takes to be written. */
const GARBAGE_GRACE_MS = 60 * 60 * 1000;

const reasons: Record<Extract<WorkflowStanding, { open: false }>["ended"], string> = {
  completed: "its workflow completed without recording an end",
  failed: "its workflow failed",
  cancelled: "its workflow was cancelled",
  terminated: "its workflow was terminated",
  timedOut: "its workflow timed out",
  unknown: "Temporal no longer knows its workflow",
};

/**
 * One round of house-keeping: ends the rows of runs and trials whose workflow is gone, and deletes files that nothing
 * names. Safe to run anywhere and at any time; a row that its own workflow closed meanwhile is left alone.
 */
export async function maintain(
  { db, store, temporal }: MaintenanceDependencies,
  now: Date,
): Promise<MaintenanceReport> {
  const report: MaintenanceReport = { closedRuns: [], closedTrials: [], sweptFiles: [] };
  const { namespace } = temporal.options;
  const runs = await openRuns(db, namespace);
  for (const [i, standing] of (await workflowStandings(temporal, runs)).entries()) {
    const run = runs[i] as string;
    if (standing.open) continue;
    const state = standing.ended === "cancelled" || standing.ended === "terminated" ? "cancelled" : "failed";
    if (await closeRun(db, run, state, reasons[standing.ended])) report.closedRuns.push(run);
  }
  const trials = await abandonedTrials(db, namespace);
  for (const [i, standing] of (
    await workflowStandings(
      temporal,
      trials.map(({ workflowId }) => workflowId),
    )
  ).entries()) {
    const { workflowId } = trials[i] as (typeof trials)[number];
    if (!standing.open && (await closeTrial(db, workflowId, reasons[standing.ended])))
      report.closedTrials.push(workflowId);
  }
  report.sweptFiles = await sweepGarbage({ db, store }, new Date(now.getTime() - GARBAGE_GRACE_MS));
  return report;
}
