import { repositoryRoot } from "../../infra/setup/home.mjs";
import { clearDeadTestRuns, openTestRun } from "../../infra/setup/test-run.mjs";

/**
 * A folder for what a project's tests share, and the TMPDIR of all processes that start from now on. If vitest is killed,
 * the next run removes it, and ends what its tests had started.
 */
export async function runFolder(): Promise<string> {
  const root = repositoryRoot(__dirname);
  await clearDeadTestRuns(root);
  const folder = openTestRun(root);
  process.env.TMPDIR = folder;
  return folder;
}
