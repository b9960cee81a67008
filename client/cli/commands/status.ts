import type { Command } from "commander";
import { status } from "../../../infra/dev";
import type { StackStatus } from "../../../infra/dev/stack-info";
import type { Console } from "../console";
import { type Context, consoleOf, withBelay } from "../context";
import { type KnownRun, knownRuns } from "../known-runs";

export function addStatus(program: Command, context: Context): void {
  program
    .command("status")
    .description("show the stack, its workers and the runs")
    .option("--json", "print them as one JSON object")
    .addHelpText("after", "\nExample:\n  npx belay status --json")
    .action(async (options: { json?: boolean }) => {
      const console = consoleOf(context, options);
      const found = await status({ stateDir: context.stateDir });
      const runs = await runsIfReachable(found, context);
      if (options.json) console.emit(statusObject(found, runs));
      else print(found, runs, console);
    });
}

const isWhole = ({ parts }: StackStatus): boolean =>
  parts.length > 0 && parts.every(({ state }) => state === "up" || state === "external");

async function runsIfReachable(found: StackStatus, context: Context): Promise<KnownRun[]> {
  const state = found.parts.find(({ name }) => name === "temporal")?.state;
  if (state !== "up" && state !== "external" && !context.env.TEMPORAL_ADDRESS) return [];
  return withBelay(context, knownRuns).catch(() => []);
}

/** The shape that scripts rely on; keys of the stores are not in it. */
export function statusObject(
  { stack, workers }: Pick<StackStatus, "stack" | "workers">,
  runs: readonly KnownRun[],
) {
  return {
    stack: stack && {
      temporal: { address: stack.temporal.address, ui: stack.temporal.ui, pid: stack.temporal.pid },
      postgres: { url: stack.postgres.url, pid: stack.postgres.pid },
      s3: { endpoint: stack.s3.endpoint, pid: stack.s3.pid },
    },
    workers: workers.map(({ name, taskQueue, pid }) => ({ name, taskQueue, pid })),
    runs: runs.map(({ run, state }) => ({ run, state })),
  };
}

function print({ stack, parts }: StackStatus, runs: readonly KnownRun[], console: Console): void {
  const { paint } = console;
  if (!stack) console.say("The stack of this checkout is not up. Start it: npx belay up");
  for (const { name, state, pid, log } of parts) {
    const isUp = state === "up" || state === "external";
    const shown = paint(isUp ? "green" : "red", state.padEnd(9));
    console.say(
      `${name.padEnd(9)} ${shown} ${pid ? `pid ${pid}` : ""}${!isUp && log ? `  log ${log}` : ""}`.trimEnd(),
    );
  }
  if (stack) console.say("", `Temporal     ${stack.temporal.address}`);
  if (stack?.temporal.ui) console.say(`Temporal UI  ${stack.temporal.ui}`);
  if (runs.length > 0) console.say("", ...runs.slice(0, 10).map(({ run, state }) => `${run}  ${state}`));
  if (stack && !isWhole({ stack, parts, workers: [] })) console.say("", "Start what is not up: npx belay up");
}
