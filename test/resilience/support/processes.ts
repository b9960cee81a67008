import { readdirSync, readFileSync } from "node:fs";

export const childrenOf = (parent: number): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => statOf(pid)?.parent === parent);

export const commandOf = (pid: number): string => read(`/proc/${pid}/cmdline`)?.replaceAll("\0", " ") ?? "";

/** No such process, or one that only waits to be reaped. */
export const isGone = (pid: number): boolean => (statOf(pid)?.state ?? "Z") === "Z";

function statOf(pid: number): { state: string; parent: number } | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const [state, parent] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: state as string, parent: Number(parent) };
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
