import type { Command } from "commander";
import { up } from "../../../infra/dev";
import type { StackInfo } from "../../../infra/dev/stack-info";
import type { Console } from "../console";
import { type Context, consoleOf } from "../context";
import { StackProgress } from "../stack-progress";
import { statusObject } from "./status";

export function addUp(program: Command, context: Context): void {
  program
    .command("up")
    .description(
      "start what is not up: Postgres, MinIO, Temporal, the workers; heals a stack with a dead part",
    )
    .option("--json", "print the stack as one JSON object; progress goes to standard error")
    .addHelpText("after", "\nExample:\n  npx belay up")
    .action(async (options: { json?: boolean }) => {
      const console = consoleOf(context, options);
      const stack = await bringUp(console, context);
      if (options.json) return console.emit(statusObject({ stack, workers: stack.workers }, []));
      console.say("", `Temporal UI   ${stack.temporal.ui ?? "(not known)"}`, "Stop it all   npx belay down");
    });
}

/** Brings the stack up and shows how. */
export async function bringUp(console: Console, context: Context): Promise<StackInfo> {
  const progress = new StackProgress(console);
  try {
    return await up({ stateDir: context.stateDir, onEvent: progress.show });
  } finally {
    progress.end();
  }
}
