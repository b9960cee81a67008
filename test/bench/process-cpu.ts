import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ, which Linux fixes at 100 for what it shows in /proc. */
const TICKS_PER_SECOND = 100;

interface ProcessTimes {
  parent: number;
  ownSeconds: number;
  /** Its own, and that of children it has already waited for. */
  seconds: number;
}

/** CPU seconds that a process and all below it have used so far. */
export function cpuSeconds(root: number): number {
  const all = processTimes();
  return [...treeOf(root, all)].reduce((sum, pid) => sum + (all.get(pid)?.seconds ?? 0), 0);
}

/**
 * CPU seconds of a tree whose processes come and go, and whose ends nobody counts: each as it was last seen. Needs to
 * be told often to look.
 */
export class TreeMeter {
  private readonly seen = new Map<number, number>();

  constructor(private readonly root: number) {}

  look(): void {
    const all = processTimes();
    for (const pid of treeOf(this.root, all)) this.seen.set(pid, all.get(pid)?.ownSeconds ?? 0);
  }

  get seconds(): number {
    return [...this.seen.values()].reduce((sum, value) => sum + value, 0);
  }
}

function treeOf(root: number, all: ReadonlyMap<number, ProcessTimes>): Set<number> {
  const children = new Map<number, number[]>();
  for (const [pid, { parent }] of all) children.set(parent, [...(children.get(parent) ?? []), pid]);
  const tree = new Set<number>();
  const visit = (pid: number): void => {
    if (!all.has(pid) || tree.has(pid)) return;
    tree.add(pid);
    for (const child of children.get(pid) ?? []) visit(child);
  };
  visit(root);
  return tree;
}

function processTimes(): Map<number, ProcessTimes> {
  const times = new Map<number, ProcessTimes>();
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? readStat(name) : undefined;
    if (stat) times.set(Number(name), stat);
  }
  return times;
}

/** Fields after the command, which is in parentheses and may hold spaces: state, ppid, …, utime at 11, cstime at 14. */
function readStat(pid: string): ProcessTimes | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const [user = 0, system = 0, ofChildren = 0, systemOfChildren = 0] = fields.slice(11, 15);
    const ownSeconds = (user + system) / TICKS_PER_SECOND;
    const seconds = ownSeconds + (ofChildren + systemOfChildren) / TICKS_PER_SECOND;
    return { parent: fields[1] as number, ownSeconds, seconds };
  } catch {
    return undefined;
  }
}
