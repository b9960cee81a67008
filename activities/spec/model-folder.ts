import { open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  isDecisive,
  isForeign,
  isWeights,
  modelFolderProblem,
} from "../../workflows/contracts/experiment/model-folder";
import {
  bytesToRead,
  PREFIX_BYTES,
  type SafetensorsFile,
} from "../../workflows/contracts/experiment/safetensors-file";

/** A base model's folder that cannot be used, and what to do about it. */
export class ModelFolderError extends Error {}

/**
 * The files that make up a base model, in path order.
 *
 * @throws ModelFolderError where a base cannot be loaded from this folder.
 */
export async function modelFiles(folder: string): Promise<string[]> {
  const names = await namesIn(folder);
  const read = async <T>(name: string, how: (path: string) => Promise<T>): Promise<T> =>
    how(join(folder, name)).catch((error: NodeJS.ErrnoException) => {
      throw new ModelFolderError(`${join(folder, name)} cannot be read (${error.code})`);
    });
  const texts: Record<string, string> = {};
  for (const name of names.filter(isDecisive))
    texts[name] = await read(name, (path) => readFile(path, "utf8"));
  const weights: Record<string, SafetensorsFile> = {};
  for (const name of names.filter(isWeights)) weights[name] = await read(name, safetensorsStart);
  const problem = modelFolderProblem({ folder, names, texts, weights });
  if (problem) throw new ModelFolderError(problem);
  return names.filter((name) => !isForeign(name)).map((name) => join(folder, name));
}

async function safetensorsStart(path: string): Promise<SafetensorsFile> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const first = async (bytes: number): Promise<Uint8Array> => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0);
      return buffer.subarray(0, bytesRead);
    };
    return { sizeBytes: size, start: await first(bytesToRead(await first(PREFIX_BYTES), size)) };
  } finally {
    await file.close();
  }
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
