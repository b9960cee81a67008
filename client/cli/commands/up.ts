import type { Command } from "commander";
import { up } from "../../../infra/dev";
import type { StackInfo } from "../../../infra/dev/stack-info";
import type { Console } from "../console";
import { type Context, consoleOf } from "../context";
import { Interrupted } from "../failures";
import { unlessInterrupted } from "../interruption";
import { StackProgress } from "../stack-progress";
import { statusObject } from "./status";

/** After Ctrl-C; short of what every command gets, so that this one can say what stays up. */
const UP_ENDS_WITHIN_MS = 2000;

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
    const { stateDir, interrupt: signal } = context;
    return await unlessInterrupted(
      up({ stateDir, onEvent: progress.show, signal }),
      signal,
      UP_ENDS_WITHIN_MS,
    );
  } catch (error) {
    if (!context.interrupt.aborted) throw error;
    throw new Interrupted(
      "\nNothing further is started; what was started stays up.\n  go on:   npx belay up\n  stop it: npx belay down",
    );
  } finally {
    progress.end();
  }
}
