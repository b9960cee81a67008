#!/usr/bin/env node
import { runCommandLine } from "./command-line";
import { ExitCode } from "./exit-codes";

async function start(): Promise<void> {
  const interrupt = new AbortController();
  process.on("SIGINT", () => {
    // Once asks, twice insists.
    if (interrupt.signal.aborted) process.exit(ExitCode.interrupted);
    interrupt.abort();
  });
  // A reader that has seen enough (`belay ls | head`) is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(ExitCode.done);
    throw error;
  });
  const { stdout, stderr, env } = process;
  const surroundings = { stdout, stderr, env, cwd: process.cwd(), interrupt: interrupt.signal };
  process.exitCode = await runCommandLine(process.argv.slice(2), surroundings);
  // What a command has left behind must not go on.
  if (interrupt.signal.aborted) process.exit();
}

void start();
