import { createHash } from "node:crypto";
import { createReadStream, type Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import type { ExperimentSpec } from "../../workflows/contracts";
import { canonicalJson } from "../../workflows/contracts/canonical-json";
import type { LocalInput } from "./local-paths";

/**
 * One hash for "the same experiment": every setting, and the content of every file it reads. Where the files lie
 * does not count, so a moved checkout still means the same experiment.
 */
export async function fingerprint(spec: ExperimentSpec, inputs: readonly LocalInput[]): Promise<string> {
  const located = structuredClone(spec) as unknown as Record<string, unknown>;
  for (const { path, absolute } of inputs) replace(located, path, `sha256:${await contentHash(absolute)}`);
  return createHash("sha256").update(canonicalJson(located)).digest("hex");
}

/** SHA-256 of a file's bytes; of a folder, over the names and hashes of its files. */
async function contentHash(path: string): Promise<string> {
  const files = await filesBelow(path);
  if (!files) return fileHash(path);
  const hash = createHash("sha256");
  for (const file of files) hash.update(`${relative(path, file)}\0${await fileHash(file)}\n`);
  return hash.digest("hex");
}

async function fileHash(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

/** The files of a folder in name order, without hidden ones; undefined when it is a file. */
async function filesBelow(path: string): Promise<string[] | undefined> {
  let entries: Dirent[];
  try {
    entries = await readdir(path, { withFileTypes: true, recursive: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    throw error;
  }
  const files = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(
      (file) =>
        !relative(path, file)
          .split("/")
          .some((part) => part.startsWith(".")),
    )
    .sort();
  // A link may lead to a folder, or nowhere.
  const isFile = await Promise.all(files.map(async (file) => (await stat(file).catch(() => null))?.isFile()));
  return files.filter((_, i) => isFile[i]);
}

function replace(root: unknown, path: readonly (string | number)[], value: string): void {
  const [head, ...rest] = path;
  if (head === undefined) return;
  const holder = root as Record<string | number, unknown>;
  if (rest.length === 0) holder[head] = value;
  else replace(holder[head], rest, value);
}
