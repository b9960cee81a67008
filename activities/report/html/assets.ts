import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface Assets {
  css: string;
  script: string;
}

let loaded: Assets | undefined;

/** The page's style sheet and script, read once from the package's own folder (compiled code lies elsewhere). */
export function assets(): Assets {
  const folder = join(packageRoot(__dirname), "activities", "report", "page");
  loaded ??= {
    css: readFileSync(join(folder, "report.css"), "utf8").trim(),
    script: readFileSync(join(folder, "report.js"), "utf8").trim(),
  };
  return loaded;
}

function packageRoot(from: string): string {
  if (existsSync(join(from, "package.json"))) return from;
  const parent = dirname(from);
  if (parent === from)
    throw new Error("the report's style sheet was not found: no package.json above the compiled code");
  return packageRoot(parent);
}
