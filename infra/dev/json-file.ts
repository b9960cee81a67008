import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** undefined when there is none, or it holds no JSON. */
export function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch {
    return undefined;
  }
}

export const writeJson = (path: string, value: unknown): void =>
  writeOwn(path, `${JSON.stringify(value, null, 2)}\n`);

/** Replaced as a whole, and readable by its owner alone: addresses here come with credentials. */
export function writeOwn(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, path);
}
