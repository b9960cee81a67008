import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

export function findOnPath(program: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  for (const folder of (env.PATH ?? "").split(delimiter)) {
    const path = join(resolve(folder || "."), program);
    if (isExecutableFile(path)) return path;
  }
  return undefined;
}

export function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
