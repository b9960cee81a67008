import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defaultStateDir, repositoryRoot } from "../../infra/setup/home.mjs";
import type { Surroundings } from "./console";
import type { Context } from "./context";
import { ExitCode } from "./exit-codes";
import { describeFailure } from "./failures";
import { createProgram } from "./program";
import { startTelemetry } from "./telemetry";

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
  const stopTelemetry = await startTelemetry(surroundings.env);
  try {
    await createProgram(context, version).parseAsync(args, { from: "user" });
    return context.exitCode;
  } catch (error) {
    const { exitCode, lines } = describeFailure(error);
    for (const line of lines) surroundings.stderr.write(`${line}\n`);
    if (surroundings.env.BELAY_DEBUG && error instanceof Error) surroundings.stderr.write(`${error.stack}\n`);
    return exitCode;
  } finally {
    await stopTelemetry();
  }
}
