import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder of package.json, whether this runs from the sources or from dist/. */
export function packageRoot(): string {
  let folder = __dirname;
  while (!existsSync(join(folder, "package.json"))) {
    const above = dirname(folder);
    if (above === folder) throw new Error(`no package.json above ${__dirname}`);
    folder = above;
  }
  return folder;
}
