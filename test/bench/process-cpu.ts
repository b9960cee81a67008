import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ, which Linux fixes at 100 for what it shows in /proc. */
const TICKS_PER_SECOND = 100;

interface ProcessTimes {
  parent: number;
  /** Its own, and that of children it has already waited for. */
  seconds: number;
}

/** CPU seconds that a process and all below it have used so far. */
export function cpuSeconds(root: number): number {
  const all = processTimes();
  const children = new Map<number, number[]>();
  for (const [pid, { parent }] of all) children.set(parent, [...(children.get(parent) ?? []), pid]);
  const counted = new Set<number>();
  const visit = (pid: number): number => {
    const times = all.get(pid);
    if (!times || counted.has(pid)) return 0;
    counted.add(pid);
    return (children.get(pid) ?? []).reduce((sum, child) => sum + visit(child), times.seconds);
  };
  return visit(root);
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
    const ticks = fields.slice(11, 15).reduce((sum, value) => sum + value, 0);
    return { parent: fields[1] as number, seconds: ticks / TICKS_PER_SECOND };
  } catch {
    return undefined;
  }
}
