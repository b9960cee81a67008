import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { Stack } from "../../../infra/dev";
import { runFolder } from "../../support/run-folder";

declare module "vitest" {
  interface ProvidedContext {
    resilienceFolder: string;
  }
}

/** One whole stack for all files of this project: started by the first that asks, gone when the run is over. */
export default async function setup(project: TestProject) {
  const folder = await runFolder();
  project.provide("resilienceFolder", folder);
  return async () => {
    const stack = new Stack({ stateDir: join(folder, "stack") });
    if (existsSync(stack.layout.stateDir)) await stack.destroy();
    await rm(folder, { recursive: true, force: true });
  };
}
