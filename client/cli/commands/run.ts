import type { Command } from "commander";
import { type Context, consoleOf, withBelay } from "../context";
import { type Deployment, runPage } from "../deployment";
import { loadExperiment } from "../load-experiment";
import { collect } from "../options";
import { Records } from "../records";
import { runToEnd } from "../run-to-end";

interface RunOptions {
  set?: string[];
  json?: boolean;
  detach?: boolean;
  new?: boolean;
  id?: string;
}

export function addRun(program: Command, context: Context): void {
  program
    .command("run")
    .description("run an experiment and follow it to its end; attaches when the same one runs or ran already")
    .argument("<file>", "experiment file (YAML or JSON)")
    .option("--set <key=value>", "override a setting; may be repeated", collect)
    .option("--new", "run it again, though the same experiment was run before")
    .option(
      "--id <id>",
      "the run's id (default: the experiment's name and a hash of settings and input files); refused where another experiment, or a workflow started by other means, has it",
    )
    .option("--detach", "start it, print its id and return")
    .option(
      "--json",
      "print the result as one JSON object on standard output; all else goes to standard error",
    )
    .addHelpText(
      "after",
      "\nExamples:\n  npx belay run experiments/quickstart.yaml\n  npx belay run experiment.yaml --set search.num_trials=16 --set train.seed=1 --detach",
    )
    .action((file: string, options: RunOptions) => runExperiment(file, options, context));
}

export async function runExperiment(file: string, options: RunOptions, context: Context): Promise<void> {
  const console = consoleOf(context, options);
  const experiment = await loadExperiment(file, options.set, console, context);
  await withBelay(context, async (belay, deployment) => {
    const isRecorded = recordOf(deployment);
    const { run, attached } = await belay.start(experiment, {
      id: options.id,
      new: options.new,
      isRecorded,
      signal: context.interrupt,
    });
    if (options.detach) {
      const ui = runPage(deployment, run.id);
      if (console.json) console.emit({ run: run.id, attached, ui });
      else console.say(run.id);
      return;
    }
    if (attached) console.say(`${run.id} exists already: following it (with --new, another is started).`);
    await runToEnd(run, console, context, deployment);
  });
}

/** A record that cannot be asked forbids nothing: the run itself waits until Postgres is back. */
function recordOf({ postgres: { url } }: Deployment): ((run: string) => Promise<boolean>) | undefined {
  if (!url) return undefined;
  return (run) => Records.use(url, (records) => records.run(run)).then(Boolean, () => false);
}
