import { join } from "node:path";
import type { ExperimentResult } from "../../workflows/contracts";
import type { Deployment } from "./deployment";
import { ObjectStore } from "./object-store";

/** Where a run's own files are put in the checkout. */
export const runFolder = (stateDir: string, run: string): string => join(stateDir, "runs", run);

/** Puts the report where a browser can open it; null when the store could not be read. */
export async function fetchReports(
  { run, artifacts }: ExperimentResult,
  { s3 }: Deployment,
  stateDir: string,
): Promise<{ report: string } | null> {
  if (!s3) return null;
  const store = new ObjectStore(s3);
  const folder = runFolder(stateDir, run);
  const report = join(folder, "report.html");
  try {
    await Promise.all([
      store.download(artifacts.report, report),
      store.download(artifacts.reportMarkdown, join(folder, "report.md")),
      store.download(artifacts.manifest, join(folder, "manifest.json")),
    ]);
    return { report };
  } catch {
    // The run's result does not depend on this copy, and the summary names the original.
    return null;
  }
}
