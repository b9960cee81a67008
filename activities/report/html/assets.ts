import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** The page's style sheet and script. */
export interface Assets {
  css: string;
  script: string;
}

/** Reads them below the folder of package.json; compiled code lies elsewhere. */
export async function loadAssets(root: string): Promise<Assets> {
  const folder = join(root, "activities", "report", "page");
  const [css, script] = await Promise.all(
    ["report.css", "report.js"].map(async (name) => (await readFile(join(folder, name), "utf8")).trim()),
  );
  return { css: css as string, script: script as string };
}
