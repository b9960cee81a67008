// @ts-check
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { startTimeOf } from "./process-identity.mjs";

/**
 * What a living process says of itself. Other accounts' processes hide theirs; they are not ours either.
 *
 * @typedef {{ pid: number, environment(): string[], command(): string[] }} Candidate
 * @typedef {import("./process-identity.mjs").ProcessIdentity} ProcessIdentity
 */

const LOOK_EVERY_MS = 50;
const KILL_TAKES_AT_MOST_MS = 10_000;

/**
 * The living processes, other than this one, for which the condition holds.
 *
 * @param {(candidate: Candidate) => boolean} holds
 * @returns {ProcessIdentity[]}
 */
export function processesThat(holds) {
  return readdirSync("/proc").flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid || !holds(candidate(pid))) return [];
    const startTime = startTimeOf(pid);
    return startTime === undefined ? [] : [{ pid, startTime }];
  });
}

/**
 * Kills what the search finds until it finds nothing: a process may have started another in between.
 *
 * @param {() => ProcessIdentity[]} search
 * @param {number} [withinMs]
 * @returns {Promise<void>}
 */
export async function killAll(search, withinMs = KILL_TAKES_AT_MOST_MS) {
  const end = Date.now() + withinMs;
  for (let found = search(); found.length > 0; found = search()) {
    if (Date.now() > end) throw new Error(`processes do not end: ${found.map(({ pid }) => pid).join(", ")}`);
    for (const { pid } of found) sendSignal(pid, "SIGKILL");
    await delay(LOOK_EVERY_MS);
  }
}

/**
 * To a process, or by a negative number to a process group; one that is gone is no error.
 *
 * @param {number} pid
 * @param {NodeJS.Signals} signal
 */
export function sendSignal(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "ESRCH") throw error;
  }
}

/**
 * @param {number} pid
 * @returns {Candidate}
 */
function candidate(pid) {
  return {
    pid,
    environment: () => entriesOf(pid, "environ"),
    command: () => entriesOf(pid, "cmdline"),
  };
}

/**
 * @param {number} pid
 * @param {"environ" | "cmdline"} file
 * @returns {string[]}
 */
export function entriesOf(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8").split("\0");
  } catch {
    return [];
  }
}
