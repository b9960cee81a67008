import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defaultStateDir, repositoryRoot } from "../../infra/setup/home.mjs";
import type { Surroundings } from "./console";
import type { Context } from "./context";
import { ExitCode } from "./exit-codes";
import { describeFailure, Interrupted } from "./failures";
import { unlessInterrupted } from "./interruption";
import { createProgram } from "./program";
import { startTelemetry } from "./telemetry";

/** After Ctrl-C: a collector that is away is knocked at for as long as its settings say. */
const TELEMETRY_ENDS_WITHIN_MS = 500;

/** Runs one command line and answers with its exit code. */
export async function runCommandLine(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const root = repositoryRoot();
  const context: Context = {
    ...surroundings,
    root,
    stateDir: defaultStateDir(root),
    exitCode: ExitCode.done,
  };
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const { interrupt } = surroundings;
  const stopTelemetry = await startTelemetry(surroundings.env);
  try {
    await unlessInterrupted(createProgram(context, version).parseAsync(args, { from: "user" }), interrupt);
    return interrupt.aborted ? ExitCode.interrupted : context.exitCode;
  } catch (thrown) {
    // After Ctrl-C a call that was broken off fails in its own words, which tell a person nothing.
    const isOwn = !interrupt.aborted || thrown instanceof Interrupted;
    const error = isOwn ? thrown : new Interrupted("belay: interrupted", { cause: thrown });
    const { exitCode, lines } = describeFailure(error);
    for (const line of lines) surroundings.stderr.write(`${line}\n`);
    if (surroundings.env.BELAY_DEBUG && error instanceof Error) surroundings.stderr.write(`${error.stack}\n`);
    return exitCode;
  } finally {
    await unlessInterrupted(stopTelemetry(), interrupt, TELEMETRY_ENDS_WITHIN_MS).catch(() => {});
  }
}
