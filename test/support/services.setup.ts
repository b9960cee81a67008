import { existsSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { Stack } from "../../infra/dev";

declare module "vitest" {
  interface ProvidedContext {
    servicesStateDir: string;
  }
}

/** One set of servers for the whole test run: started by the first test that asks, gone when the run is over. */
export default function setup(project: TestProject) {
  const stateDir = mkdtempSync(join(tmpdir(), "belay-services-"));
  project.provide("servicesStateDir", stateDir);
  return async () => {
    const stack = new Stack({ stateDir, workers: { kernel: false, ml: false, gpu: false } });
    if (existsSync(stack.layout.stackFile) || existsSync(stack.layout.processes)) await stack.destroy();
    else await rm(stateDir, { recursive: true, force: true });
  };
}
