import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { Stack } from "../../infra/dev";
import { runFolder } from "./run-folder";

declare module "vitest" {
  interface ProvidedContext {
    servicesStateDir: string;
  }
}

/** One set of servers for the whole test run: started by the first test that asks, gone when the run is over. */
export default async function setup(project: TestProject) {
  const folder = await runFolder();
  const stateDir = join(folder, "services");
  project.provide("servicesStateDir", stateDir);
  return async () => {
    const stack = new Stack({ stateDir, workers: { kernel: false, ml: false, gpu: false } });
    if (existsSync(stateDir)) await stack.destroy();
    await rm(folder, { recursive: true, force: true });
  };
}
