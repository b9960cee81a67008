import { join } from "node:path";
import { readJson } from "./json-file";
import type { Layout } from "./layout";

/** Written by a worker once it polls its queue, with its process id. */
export const readyFileOf = (layout: Layout, worker: string) => join(layout.workers, worker, "ready.json");

export function isReady(layout: Layout, worker: string, pid: number | undefined): boolean {
  return pid !== undefined && readJson<{ pid: number }>(readyFileOf(layout, worker))?.pid === pid;
}
