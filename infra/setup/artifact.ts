import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { folderBytes } from "./folder-size";
import { withLock } from "./lock.mjs";
import { SETUP_MARK } from "./process-group.mjs";
import { killAll, processesThat } from "./process-search.mjs";
import type { Report } from "./report";

/** Something built once per content of its inputs and then only read. */
export interface Recipe {
  /** The folder under BELAY_HOME. */
  kind: string;
  /** Everything that the result depends on. */
  inputs: readonly string[];
  build(folder: string, report: Report): Promise<void>;
}

/** Written last, inside the folder that is then renamed into place: a folder without it was never finished. */
const MANIFEST = "manifest.json";

export function artifactFolder(home: string, { kind, inputs }: Pick<Recipe, "kind" | "inputs">): string {
  return join(home, kind, keyOf(inputs));
}

export function isBuilt(folder: string): boolean {
  return existsSync(join(folder, MANIFEST));
}

/**
 * The folder of a finished artifact, built first if need be. Safe against interruption (a half-built folder
 * has another name and is removed by the next build) and concurrency (one builder per artifact).
 */
export async function ensureArtifact(home: string, recipe: Recipe, report: Report): Promise<string> {
  const folder = artifactFolder(home, recipe);
  if (isBuilt(folder)) return folder;
  const key = keyOf(recipe.inputs);
  await withLock(
    join(home, "locks", `${recipe.kind}-${key}.lock`),
    async () => {
      if (isBuilt(folder)) return;
      await removeUnfinished(join(home, recipe.kind), key);
      await rm(folder, { recursive: true, force: true });
      const draft = join(home, recipe.kind, `.building-${key}-${process.pid}`);
      await mkdir(draft, { recursive: true });
      await recipe.build(draft, report);
      const manifest = { kind: recipe.kind, inputs: recipe.inputs, bytes: await folderBytes(draft) };
      await writeFile(join(draft, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
      await rename(draft, folder);
    },
    { onWait: ({ pid }) => report(`waiting for process ${pid}, which builds the same`) },
  );
  return folder;
}

function keyOf(inputs: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(inputs)).digest("hex").slice(0, 16);
}

async function removeUnfinished(parent: string, key: string): Promise<void> {
  const unfinishedAt = join(parent, `.building-${key}-`);
  // A builder that was killed leaves its programs behind; each was told where to build.
  await killAll(() =>
    processesThat((each) => {
      const environment = each.environment();
      if (!environment.includes(SETUP_MARK)) return false;
      return [...each.command(), ...environment].some((text) => text.includes(unfinishedAt));
    }),
  );
  const names = existsSync(parent) ? await readdir(parent) : [];
  const unfinished = names.filter((name) => name.startsWith(`.building-${key}-`));
  await Promise.all(unfinished.map((name) => rm(join(parent, name), { recursive: true, force: true })));
}
