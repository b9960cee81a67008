import { Command } from "commander";
import { addArtifacts } from "./commands/artifacts";
import { addDashboard } from "./commands/dashboard";
import { addDoctor } from "./commands/doctor";
import { addDown } from "./commands/down";
import { addLs } from "./commands/ls";
import { addQuickstart } from "./commands/quickstart";
import { addRun } from "./commands/run";
import { addStatus } from "./commands/status";
import { addCancel, addPause, addResume } from "./commands/steer";
import { addUp } from "./commands/up";
import { addValidate } from "./commands/validate";
import { addVerify } from "./commands/verify";
import { addWatch } from "./commands/watch";
import type { Context } from "./context";

const COMMANDS = [
  addQuickstart,
  addUp,
  addDown,
  addStatus,
  addDoctor,
  addValidate,
  addRun,
  addWatch,
  addLs,
  addPause,
  addResume,
  addCancel,
  addArtifacts,
  addVerify,
  addDashboard,
];

/** The command line, bound to where its output goes and what it may use. */
export function createProgram(context: Context, version: string): Command {
  const program = new Command("belay")
    .description("LoRA hyper-parameter searches as durable Temporal workflows.")
    .version(version)
    .showHelpAfterError("(npx belay --help shows the commands, npx belay <command> --help one of them)")
    .configureHelp({ sortSubcommands: false })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      getOutHelpWidth: () => context.stdout.columns ?? 80,
      getErrHelpWidth: () => context.stderr.columns ?? 80,
    })
    .addHelpText("after", EXIT_CODES);
  for (const add of COMMANDS) add(program, context);
  return program;
}

const EXIT_CODES = `
Exit codes: 0 done, 1 the run or its verification failed, 2 bad input,
3 something missing on this machine (or the stack is not up), 130 interrupted.`;
