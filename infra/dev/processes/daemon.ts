import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { ProcessIdentity } from "../../setup/process-identity.mjs";
import { startTimeOf } from "../../setup/process-identity.mjs";

/** A process to run in the background. */
export interface Launch {
  command: string;
  args: readonly string[];
  /** What it is told; together with `ambient` the whole environment. */
  env: Record<string, string>;
  /** What it merely gets to see of ours: a change of it is no reason to start it anew. */
  ambient?: Record<string, string>;
  cwd: string;
  /** Run as this account instead of ours. */
  account?: { uid: number; gid: number };
}

const LOG_KEPT_BYTES = 20_000_000;

/** Starts a process that outlives ours, in a process group of its own, with its output in a log file. */
export function launchDaemon(launch: Launch, log: string): Promise<ProcessIdentity> {
  const { command, args, cwd, account } = launch;
  const env = { ...launch.ambient, ...launch.env };
  mkdirSync(dirname(log), { recursive: true });
  rotate(log);
  const output = openSync(log, "a", 0o600);
  try {
    const child = spawn(command, args, {
      cwd,
      env,
      detached: true,
      stdio: ["ignore", output, output],
      ...account,
    });
    return new Promise((resolve, reject) => {
      child.once("error", (error) => reject(new Error(`${command} cannot be started: ${error.message}`)));
      child.once("spawn", () => {
        child.unref();
        const pid = child.pid ?? -1;
        // A process that is gone already has no start time; the empty one matches no living process.
        resolve({ pid, startTime: startTimeOf(pid) ?? "" });
      });
    });
  } finally {
    closeSync(output);
  }
}

function rotate(log: string): void {
  const size = statSync(log, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_KEPT_BYTES) renameSync(log, `${log}.1`);
}
