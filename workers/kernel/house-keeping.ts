import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { type MaintenanceDependencies, maintain } from "../../activities/reconcile/maintenance";

const INTERVAL_MS = 60_000;

/** Runs a round of house-keeping a minute, until aborted. A round that fails is logged, and the next one tries again. */
export async function keepHouse(
  deps: MaintenanceDependencies,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const report = await maintain(deps, new Date());
      for (const run of report.closedRuns) log.warn({ run }, "closed a run whose workflow is gone");
      for (const workflowId of report.closedTrials)
        log.warn({ workflowId }, "closed a trial whose workflow is gone");
      if (report.sweptFiles.length > 0)
        log.info({ files: report.sweptFiles.length }, "deleted files that nothing names");
    } catch (error) {
      log.warn({ reason: error instanceof Error ? error.message : String(error) }, "house-keeping failed");
    }
    await sleep(INTERVAL_MS, undefined, { signal }).catch(() => {});
  }
}
