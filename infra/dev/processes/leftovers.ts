import type { ProcessIdentity } from "../../setup/process-identity.mjs";
import { entriesOf, processesThat } from "../../setup/process-search.mjs";

/** Carried in the environment of every process of a stack, and so of whatever that process starts. */
export const TAG_VARIABLE = "BELAY_STACK_PART";

export function tagOf(stateDir: string, part: string): string {
  return `${stateDir}#${part}`;
}

/** Living processes that belong to a part by their tag: also children whose parent was killed. */
export function taggedProcesses(tag: string): ProcessIdentity[] {
  const entry = `${TAG_VARIABLE}=${tag}`;
  return processesThat(({ environment }) => environment().includes(entry));
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
