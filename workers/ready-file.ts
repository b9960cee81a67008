import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Says by a small file, there or not and never half written, that the worker polls. */
export function writeReadyFile(path: string | null, name: string, taskQueue: string): void {
  if (!path) return;
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, JSON.stringify({ pid: process.pid, name, taskQueue }));
  renameSync(draft, path);
}

export function removeReadyFile(path: string | null): void {
  if (path) rmSync(path, { force: true });
}
