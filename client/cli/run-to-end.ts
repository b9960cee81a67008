import { relative } from "node:path";
import type { ExperimentResult } from "../../workflows/contracts";
import { RunFailedError } from "../errors";
import type { Run } from "../run";
import type { Console } from "./console";
import type { Context } from "./context";
import { type Deployment, runPage } from "./deployment";
import { ExitCode } from "./exit-codes";
import { Interrupted } from "./failures";
import { follow } from "./live/follow";
import { fetchReports } from "./reports";
import { summary } from "./summary";

/** Follows a run to its end, sums it up and sets the exit code. */
export async function runToEnd(
  run: Run,
  console: Console,
  context: Context,
  deployment: Deployment,
): Promise<void> {
  const { interrupt } = context;
  const uiUrl = runPage(deployment, run.id);
  let result: ExperimentResult;
  try {
    result = await follow(run, console, { uiUrl, signal: interrupt });
  } catch (error) {
    if (error instanceof RunFailedError && error.result)
      return sumUp(error.result, console, context, deployment);
    if (error instanceof RunFailedError && console.json) console.emit(await failureObject(error, run));
    if (!interrupt.aborted) throw error;
    throw new Interrupted(
      `\n${run.id} goes on without this view.\n  follow it again: npx belay watch ${run.id}\n  stop it:         npx belay cancel ${run.id}`,
    );
  }
  await sumUp(result, console, context, deployment);
}

async function sumUp(
  result: ExperimentResult,
  console: Console,
  context: Context,
  deployment: Deployment,
): Promise<void> {
  if (console.json) console.emit(result);
  const fetched = await fetchReports(result, deployment, context.stateDir);
  const local = fetched && { report: nearPath(fetched.report, context.cwd) };
  const uiUrl = runPage(deployment, result.run);
  console.say("", ...summary(result, { uiUrl, local, paint: console.paint }));
  context.exitCode = succeeded(result) ? ExitCode.done : ExitCode.failed;
}

/** As a person in that folder would write it. */
function nearPath(path: string, cwd: string): string {
  const near = relative(cwd, path);
  return near.startsWith("..") ? path : near;
}

/** What `--json` prints of a run that ended before it had a result; with what its workflow still tells of it. */
async function failureObject({ run: id, type, message }: RunFailedError, run: Run) {
  const state = type === "Cancelled" ? "cancelled" : "failed";
  const [status, endedAt] = await Promise.all([run.status(), run.endedAt()]).catch(() => [null, null]);
  const { pending: _pending, running: _running, ...trials } = status?.counts ?? { pending: 0, running: 0 };
  const seconds = status && endedAt !== null ? (endedAt - status.startedAt) / 1000 : null;
  return { run: id, state, error: { type, message }, ...(status ? { seconds, trials } : {}) };
}

const succeeded = ({ state, reproducibility }: ExperimentResult): boolean =>
  state === "completed" && reproducibility.passed;
