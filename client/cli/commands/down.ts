import type { Command } from "commander";
import { down } from "../../../infra/dev";
import { type Context, consoleOf } from "../context";
import { StackProgress } from "../stack-progress";

export function addDown(program: Command, context: Context): void {
  program
    .command("down")
    .description(
      "stop this checkout's stack; data stays, and interrupted runs go on at the next `npx belay up`",
    )
    .addHelpText("after", "\nExample:\n  npx belay down")
    .action(async () => {
      const progress = new StackProgress(consoleOf(context));
      try {
        await down({ stateDir: context.stateDir, onEvent: progress.show });
      } finally {
        progress.end();
      }
    });
}
