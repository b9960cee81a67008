import { readdirSync, readFileSync } from "node:fs";
import { type ProcessIdentity, startTimeOf } from "../../setup/process-identity.mjs";

/** Carried in the environment of every process of a stack, and so of whatever that process starts. */
export const TAG_VARIABLE = "BELAY_STACK_PART";

export function tagOf(stateDir: string, part: string): string {
  return `${stateDir}#${part}`;
}

/** Living processes that belong to a part by their tag: also children whose parent was killed. */
export function taggedProcesses(tag: string): ProcessIdentity[] {
  const entry = `${TAG_VARIABLE}=${tag}`;
  return readdirSync("/proc").flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || !environmentOf(pid).includes(entry)) return [];
    const startTime = startTimeOf(pid);
    return startTime === undefined ? [] : [{ pid, startTime }];
  });
}

/** Of these, the ones that run a command whose first words are these. */
export const thoseThatRun = (
  processes: readonly ProcessIdentity[],
  words: readonly string[],
): ProcessIdentity[] =>
  processes.filter(({ pid }) => {
    const command = entriesOf(pid, "cmdline");
    return words.every((word, i) => command[i] === word);
  });

const environmentOf = (pid: number): string[] => entriesOf(pid, "environ");

/** Another account's processes hide theirs; they are not ours either. */
function entriesOf(pid: number, file: "environ" | "cmdline"): string[] {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8").split("\0");
  } catch {
    return [];
  }
}
