import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../../infra/setup/home.mjs";
import { readyTools } from "../../infra/setup/toolchain";

export type Files = Record<string, Buffer>;

export const python = (): string => {
  const tools = readyTools();
  if (tools === undefined) throw new Error("set-up has not run: there is no Python environment");
  return tools.python;
};

/** Adapters that the dataset skill and the engine really made (gpu-worker/tests/support/exported.py), in a folder. */
export function exportAdapters(folder: string): void {
  const cwd = join(repositoryRoot(), "gpu-worker");
  execFileSync(python(), ["-m", "tests.support.exported", folder], {
    cwd,
    stdio: ["ignore", "ignore", "pipe"],
  });
}

export const filesIn = (folder: string): Files =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));
