import { rmSync } from "node:fs";
import { writeJson } from "../infra/dev/json-file";

/** Says by a small file, there or not and never half written, that the worker polls. */
export function writeReadyFile(path: string | null, name: string, taskQueue: string): void {
  if (path) writeJson(path, { pid: process.pid, name, taskQueue });
}

export function removeReadyFile(path: string | null): void {
  if (path) rmSync(path, { force: true });
}
