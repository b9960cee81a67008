import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { isDecisive, isForeign, modelFolderProblem } from "../../workflows/contracts/experiment/model-folder";

/** A base model's folder that cannot be used, and what to do about it. */
export class ModelFolderError extends Error {}

/**
 * The files that make up a base model, in path order.
 *
 * @throws ModelFolderError where a base cannot be loaded from this folder.
 */
export async function modelFiles(folder: string): Promise<string[]> {
  const names = await namesIn(folder);
  const texts: Record<string, string> = {};
  for (const name of names.filter(isDecisive))
    texts[name] = await readFile(join(folder, name), "utf8").catch((error: NodeJS.ErrnoException) => {
      throw new ModelFolderError(`${join(folder, name)} cannot be read (${error.code})`);
    });
  const problem = modelFolderProblem({ folder, names, texts });
  if (problem) throw new ModelFolderError(problem);
  return names.filter((name) => !isForeign(name)).map((name) => join(folder, name));
}

async function namesIn(folder: string): Promise<string[]> {
  const entry = await stat(folder).catch(() => undefined);
  if (!entry) throw new ModelFolderError(`no such folder: ${folder}`);
  if (!entry.isDirectory()) throw new ModelFolderError(`${folder} is not a folder with a model in it`);
  const names: string[] = [];
  for (const name of await readdir(folder))
    if (!name.startsWith(".") && (await stat(join(folder, name)).catch(() => undefined))?.isFile())
      names.push(name);
  return names.sort();
}
