import { join } from "node:path";
import { ensureTools } from "../../infra/setup/toolchain";
import { InvalidExperimentError } from "../spec/issue";
import { type LoadedExperiment, loadExperimentFile } from "../spec/load";
import type { Console } from "./console";
import type { Context } from "./context";
import { ensureQuickstartInputs } from "./quickstart-inputs";
import { StackProgress } from "./stack-progress";

/** Loads an experiment file; what the quick start's experiment reads is made first, where it is not there yet. */
export async function loadExperiment(
  file: string,
  set: readonly string[] | undefined,
  console: Console,
  context: Context,
): Promise<LoadedExperiment> {
  const load = () => loadExperimentFile(file, { set, cwd: context.cwd });
  try {
    return load();
  } catch (error) {
    if (!lacksQuickstartInputs(error, context)) throw error;
    await prepareQuickstart(console, context);
    return load();
  }
}

/** Set-up as far as it is not done, and the quick start's base model and rows. */
export async function prepareQuickstart(console: Console, { root, stateDir, env }: Context): Promise<void> {
  const progress = new StackProgress(console);
  const report = (step: string) => (line: string) => progress.show({ type: "setup", step, line });
  try {
    const tools = await ensureTools({ step: report }, root, env);
    await ensureQuickstartInputs(tools, root, stateDir, report("base"));
  } finally {
    progress.end();
  }
}

const lacksQuickstartInputs = (error: unknown, { stateDir }: Context): boolean =>
  error instanceof InvalidExperimentError &&
  error.issues.every(({ message }) => message.includes(join(stateDir, "quickstart")));
