import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** A base model's folder that cannot be used, and what to do about it. */
export class ModelFolderError extends Error {}

/** Weights in Python's pickle format: loading them runs whatever code they hold. */
const isPickle = (name: string): boolean => /\.(bin|pt|pth|ckpt|pkl)$/.test(name);
/** Other frameworks' weights beside ours; no part of the base. */
const isForeign = (name: string): boolean =>
  isPickle(name) || /\.(onnx|gguf|h5|msgpack|tflite|ot)$/.test(name);
const isWeights = (name: string): boolean => name.endsWith(".safetensors");

/**
 * The files that make up a base model, in path order.
 *
 * @throws ModelFolderError where a base cannot be loaded from this folder.
 */
export async function modelFiles(folder: string): Promise<string[]> {
  const names = await namesIn(folder);
  if (!names.includes("config.json"))
    throw new ModelFolderError(`${folder} has no config.json; name the folder that save_pretrained wrote`);
  await refuseRemoteCode(folder, names);
  const weights = names.filter(isWeights);
  if (weights.length === 0) throw new ModelFolderError(withoutSafetensors(folder, names));
  await refuseMissingShards(folder, names, weights);
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

function withoutSafetensors(folder: string, names: string[]): string {
  const pickle = names.find(isPickle);
  if (!pickle) return `${folder} has no *.safetensors weights`;
  return (
    `${folder} has its weights only as ${pickle}, a pickle, which can run code when it is loaded; convert it once, ` +
    `where you trust it: python -c "from transformers import AutoModelForCausalLM as M; ` +
    `M.from_pretrained('${folder}').save_pretrained('${folder}-safetensors')", and name the new folder`
  );
}

/** Files whose `auto_map` makes transformers import Python from the model's folder. */
const configs = ["config.json", "tokenizer_config.json"];

async function refuseRemoteCode(folder: string, names: string[]): Promise<void> {
  for (const name of configs.filter((each) => names.includes(each))) {
    const config = await readJson(join(folder, name));
    if (config.auto_map !== undefined)
      throw new ModelFolderError(
        `${folder} needs code of its own (auto_map in ${name}), which is never run; use a base whose architecture transformers has`,
      );
  }
}

async function refuseMissingShards(folder: string, names: string[], weights: string[]): Promise<void> {
  const index = names.find((name) => name.endsWith(".safetensors.index.json"));
  if (!index) return;
  const { weight_map: map = {} } = await readJson(join(folder, index));
  const missing = [...new Set(Object.values(map as Record<string, string>))]
    .filter((shard) => !weights.includes(shard))
    .sort();
  if (missing.length > 0)
    throw new ModelFolderError(`${folder} is incomplete: ${index} names ${missing.join(", ")}`);
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch (error) {
    throw new ModelFolderError(`${path} cannot be read as JSON: ${(error as Error).message}`);
  }
  throw new ModelFolderError(`${path} does not hold an object`);
}
