import { join, relative } from "node:path";
import type { Command } from "commander";
import { type Context, consoleOf } from "../context";
import { prepareExample } from "../load-experiment";
import { runExperiment } from "./run";
import { bringUp } from "./up";

interface Options {
  set?: string[];
  json?: boolean;
  new?: boolean;
}

export function addQuickstart(program: Command, context: Context): void {
  program
    .command("quickstart")
    .description(
      "from nothing to a finished search and its report: set-up, stack, experiments/quickstart.yaml",
    )
    .option("--new", "run the search again, though it was run before")
    .option(
      "--json",
      "print the result as one JSON object on standard output; all else goes to standard error",
    )
    .addHelpText("after", "\nExample:\n  npx belay quickstart")
    .action(async (options: Options) => {
      const console = consoleOf(context, options);
      await prepareExample("quickstart", console, context);
      context.interrupt.throwIfAborted();
      await bringUp(console, context);
      console.say("");
      const file = relative(context.cwd, join(context.root, "experiments", "quickstart.yaml"));
      await runExperiment(file, options, context);
    });
}
