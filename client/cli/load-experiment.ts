import { ensurePython } from "../../infra/setup/toolchain";
import { InvalidExperimentError } from "../spec/issue";
import { type LoadedExperiment, loadExperimentFile } from "../spec/load";
import type { Console } from "./console";
import type { Context } from "./context";
import { type Example, ensureExampleInputs, exampleFolder, exampleNames } from "./example-inputs";
import { StackProgress } from "./stack-progress";

/** Loads an experiment file; what an example of ours reads is made first, where it is not there yet. */
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
    const example = exampleNames.find((name) => lacksInputs(error, name, context));
    if (!example) throw error;
    await prepareExample(example, console, context);
    return load();
  }
}

/** The Python environment as far as it is not there, and the example's base model and rows. */
export async function prepareExample(
  example: Example,
  console: Console,
  { root, stateDir, env, interrupt }: Context,
): Promise<void> {
  const progress = new StackProgress(console);
  const report = (step: string) => (line: string) => progress.show({ type: "setup", step, line });
  try {
    const tools = await ensurePython({ step: report }, root, env);
    interrupt.throwIfAborted();
    await ensureExampleInputs(example, tools, root, stateDir, report("base"));
  } finally {
    progress.end();
  }
}

const lacksInputs = (error: unknown, example: Example, { stateDir }: Context): boolean =>
  error instanceof InvalidExperimentError &&
  error.issues.every(({ message }) => message.includes(exampleFolder(example, stateDir)));
