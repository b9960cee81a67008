// @ts-check
import { spawn } from "node:child_process";
import { killAll, processesThat, sendSignal } from "./process-search.mjs";

/**
 * What set-up runs for long (npm, uv, go, the compiler) runs in a process group of its own. The terminal's Ctrl-C goes
 * to this process alone then, which decides how the group ends, and sees to it that the group never outlives it.
 *
 * @typedef {{ cwd?: string, env?: NodeJS.ProcessEnv, stdio?: import("node:child_process").StdioOptions,
 *   lock?: string, interrupt?: AbortSignal, endWithinMs?: number }} GroupOptions `lock`: what this process holds
 *   while the program runs, so that one whose set-up was killed is found by the next holder, and ended first.
 */

const LOCK_VARIABLE = "BELAY_SETUP_LOCK";

/** In the environment of whatever set-up runs: what only has the same folder open is not taken for one of these. */
export const SETUP_MARK = "BELAY_SETUP=1";

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
export const marked = (env) => ({ ...env, BELAY_SETUP: "1" });

/** A person waits for it after Ctrl-C, and what is cut off is made anew next time. */
const END_WITHIN_MS = 3_000;

/** @type {Set<number>} */
const groups = new Set();

/**
 * Runs a program to its end. Interrupted, its group is asked to end and killed where it does not; only when it is gone
 * is the promise rejected, with the reason of the interruption.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {GroupOptions} [options]
 * @returns {Promise<number | NodeJS.Signals>} Its exit code, or the signal that ended it.
 */
export async function runGroup(command, args, { lock, ...options } = {}) {
  if (lock === undefined) return started(command, args, options);
  const entry = `${LOCK_VARIABLE}=${lock}`;
  await killAll(() => processesThat(({ environment }) => environment().includes(entry)));
  return started(command, args, {
    ...options,
    env: { ...(options.env ?? process.env), [LOCK_VARIABLE]: lock },
  });
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {GroupOptions} options
 * @returns {Promise<number | NodeJS.Signals>}
 */
function started(command, args, { interrupt, endWithinMs = END_WITHIN_MS, ...options }) {
  return new Promise((resolve, reject) => {
    if (interrupt?.aborted) return reject(interrupt.reason);
    const child = spawn(command, args, { ...options, detached: true });
    const { pid } = child;
    const release = keepGroup(pid);
    /** @type {NodeJS.Timeout | undefined} */
    let insist;
    const end = () => {
      if (pid === undefined) return;
      sendSignal(-pid, "SIGINT");
      insist = setTimeout(() => sendSignal(-pid, "SIGKILL"), endWithinMs);
    };
    interrupt?.addEventListener("abort", end);
    const settle = () => {
      clearTimeout(insist);
      interrupt?.removeEventListener("abort", end);
      // What the program started may go on without it, and still write.
      release(interrupt?.aborted);
    };
    child.once("error", (error) => {
      settle();
      reject(error);
    });
    child.once("exit", (code, signal) => {
      settle();
      if (interrupt?.aborted) reject(interrupt.reason);
      else resolve(signal ?? code ?? 1);
    });
  });
}

/**
 * Notes a group, by its leader, that must not outlive this process.
 *
 * @param {number | undefined} leader undefined: it could not be started.
 * @returns {(kill?: boolean) => void} To be called at the leader's end; whether what is left of the group is killed.
 */
export function keepGroup(leader) {
  if (leader === undefined) return () => {};
  endWithThisProcess();
  groups.add(leader);
  return (kill = false) => {
    groups.delete(leader);
    if (kill) sendSignal(-leader, "SIGKILL");
  };
}

let ends = false;

/** Signals end a process without its `exit` event, unless somebody listens to them. */
function endWithThisProcess() {
  if (ends) return;
  ends = true;
  process.on("exit", () => {
    for (const leader of groups) sendSignal(-leader, "SIGKILL");
  });
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]))
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(130);
    });
}
