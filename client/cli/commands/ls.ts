import type { Command } from "commander";
import { type Context, consoleOf, withBelay } from "../context";
import { knownRuns } from "../known-runs";

export function addLs(program: Command, context: Context): void {
  program
    .command("ls")
    .description("list runs, newest first")
    .option("--json", "print them as one JSON object")
    .addHelpText("after", "\nExample:\n  npx belay ls")
    .action((options: { json?: boolean }) =>
      withBelay(context, async (belay, deployment) => {
        const console = consoleOf(context, options);
        const runs = await knownRuns(belay, deployment);
        if (options.json) return console.emit({ runs });
        if (runs.length === 0)
          return console.say("No runs yet. Start one: npx belay run experiments/quickstart.yaml");
        const width = Math.max(...runs.map(({ run }) => run.length));
        for (const { run, state, startedAt } of runs)
          console.say(
            `${run.padEnd(width)}  ${state.padEnd(10)}  ${startedAt.slice(0, 19).replace("T", " ")}`,
          );
      }),
    );
}
