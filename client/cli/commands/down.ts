import type { Command } from "commander";
import { Stack } from "../../../infra/dev";
import { partNames } from "../../../infra/dev/stack-info";
import { type Context, consoleOf } from "../context";
import { Interrupted } from "../failures";
import { unlessInterrupted } from "../interruption";
import { StackProgress } from "../stack-progress";

/** After Ctrl-C; short of what every command gets, so that this one can say what is still up. */
const DOWN_ENDS_WITHIN_MS = 2000;

export function addDown(program: Command, context: Context): void {
  program
    .command("down")
    .description(
      "stop this checkout's stack; data stays, and interrupted runs go on at the next `npx belay up`",
    )
    .addHelpText("after", "\nExample:\n  npx belay down")
    .action(() => takeDown(context));
}

async function takeDown(context: Context): Promise<void> {
  const { stateDir, interrupt: signal } = context;
  const progress = new StackProgress(consoleOf(context));
  const stack = new Stack({ stateDir, onEvent: progress.show, signal });
  try {
    await unlessInterrupted(stack.down(), signal, DOWN_ENDS_WITHIN_MS);
  } catch (error) {
    const left = partNames.filter((name) => stack.pid(name) !== undefined);
    if (!signal.aborted || left.length === 0) throw error;
    throw new Interrupted(
      `\nNothing further is stopped; still up: ${left.join(", ")}.\n  go on:   npx belay down\n  look:    npx belay status`,
    );
  } finally {
    progress.end();
  }
}
