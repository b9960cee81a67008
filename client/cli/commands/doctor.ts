import type { Command } from "commander";
import { doctor } from "../../../infra/dev";
import { type Context, consoleOf } from "../context";
import { ExitCode } from "../exit-codes";

export function addDoctor(program: Command, context: Context): void {
  program
    .command("doctor")
    .description("check this machine, the set-up and the stack: what is there, what is needed, what to do")
    .option("--json", "print the checks as one JSON object")
    .addHelpText("after", "\nExample:\n  npx belay doctor\n\nExit code 3 when something is missing.")
    .action(async (options: { json?: boolean }) => {
      const console = consoleOf(context, options);
      const checks = await doctor({ stateDir: context.stateDir });
      if (options.json) console.emit({ checks });
      const width = Math.max(...checks.map(({ name }) => name.length));
      for (const { name, ok, found, needed, remedy } of checks) {
        const mark = ok ? console.paint("green", "ok     ") : console.paint("red", "MISSING");
        console.say(`${mark} ${name.padEnd(width)}  found ${found}; needed ${needed}`);
        if (!ok) console.say(`        ${remedy}`);
      }
      if (!checks.every(({ ok }) => ok)) context.exitCode = ExitCode.missing;
    });
}
