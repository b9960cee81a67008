import type { Command } from "commander";
import { type Context, consoleOf, withBelay } from "../context";
import { runToEnd } from "../run-to-end";

export function addWatch(program: Command, context: Context): void {
  program
    .command("watch")
    .description("follow a run to its end; shows the summary of one that has ended")
    .argument("<run>", "the run's id")
    .option(
      "--json",
      "print the result as one JSON object on standard output; all else goes to standard error",
    )
    .addHelpText("after", "\nExample:\n  npx belay watch quickstart-3f1c0a9b27de")
    .action((id: string, options: { json?: boolean }) =>
      withBelay(context, (belay, deployment) =>
        runToEnd(belay.attach(id), consoleOf(context, options), context, deployment),
      ),
    );
}
