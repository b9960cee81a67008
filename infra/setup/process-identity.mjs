// @ts-check
import { readFileSync, readlinkSync } from "node:fs";

/**
 * A process id alone is no name: the kernel hands it out again. With the start time (in clock ticks since
 * boot) it is one.
 *
 * @typedef {{ pid: number, startTime: string }} ProcessIdentity
 */

/**
 * The start time of a living process; undefined when there is none, or only its zombie.
 *
 * @param {number} pid
 * @returns {string | undefined}
 */
export function startTimeOf(pid) {
  let stat;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The second field is the program's name in brackets, and may itself hold blanks and brackets.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

/**
 * @param {ProcessIdentity} identity
 * @returns {boolean}
 */
export function isAlive(identity) {
  return startTimeOf(identity.pid) === identity.startTime;
}

/**
 * Names the set of process ids that this process can see: the boot and the pid namespace. A process id read
 * from a file says nothing when it was written in another one (a container, another host on a shared home).
 *
 * @returns {string}
 */
export function processSpace() {
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return `${boot}/${readlinkSync("/proc/self/ns/pid")}`;
}
