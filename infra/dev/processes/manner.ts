import type { PartName } from "../stack-info";

export interface StopManner {
  signal: NodeJS.Signals;
  /** How long the process may take before it is killed. */
  withinMs: number;
}

/** How each part is asked to end. */
export const stopManners: Readonly<Record<PartName, StopManner>> = {
  // PostgreSQL's fast shutdown; on SIGTERM it would wait until every client has left by itself.
  postgres: { signal: "SIGINT", withinMs: 20_000 },
  minio: { signal: "SIGTERM", withinMs: 15_000 },
  temporal: { signal: "SIGTERM", withinMs: 15_000 },
  kernel: { signal: "SIGTERM", withinMs: 20_000 },
  ml: { signal: "SIGTERM", withinMs: 20_000 },
  // It lets its trainer write a checkpoint of every slot first.
  gpu: { signal: "SIGTERM", withinMs: 60_000 },
};
