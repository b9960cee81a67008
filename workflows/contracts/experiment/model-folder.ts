import { type SafetensorsFile, safetensorsProblem } from "./safetensors-file";

/** A base model's folder as somebody has read it. */
export interface ModelFolder {
  folder: string;
  /** Files directly in it. */
  names: readonly string[];
  /** Contents of those that `isDecisive`. */
  texts: Readonly<Record<string, string>>;
  /** Beginnings of those that `isWeights`. */
  weights: Readonly<Record<string, SafetensorsFile>>;
}

const CONFIG = "config.json";
/** What is loaded where it is there, whatever an index names. */
const SINGLE = "model.safetensors";
const isIndex = (name: string): boolean => name.endsWith(".safetensors.index.json");
export const isWeights = (name: string): boolean => name.endsWith(".safetensors");
/** Weights in Python's pickle format: loading them runs whatever code they hold. */
const isPickle = (name: string): boolean => /\.(bin|pt|pth|ckpt|pkl)$/.test(name);

/** Whether the file's content says something about the folder as a whole. */
export const isDecisive = (name: string): boolean => name === CONFIG || isIndex(name);

/** Other frameworks' weights beside ours; no part of the base. */
export const isForeign = (name: string): boolean =>
  isPickle(name) || /\.(onnx|gguf|h5|msgpack|tflite|ot)$/.test(name);

/** Why no base can be loaded from the folder, as far as its files tell; undefined: nothing speaks against it. */
export function modelFolderProblem({ folder, names, texts, weights }: ModelFolder): string | undefined {
  if (!names.includes(CONFIG))
    return `${folder} has no config.json; name the folder that save_pretrained wrote`;
  const present = names.filter(isWeights);
  const shards = new Set<string>();
  for (const name of names.filter(isDecisive)) {
    const read = jsonObject(texts[name] ?? "");
    if (typeof read === "string") return `${folder}/${name} ${read}`;
    const named = isIndex(name) ? shardsOf(read) : [];
    const missing = named.filter((shard) => !present.includes(shard));
    if (missing.length > 0) return `${folder} is incomplete: ${name} names ${missing.join(", ")}`;
    for (const shard of named) shards.add(shard);
  }
  if (present.length === 0) return withoutSafetensors(folder, names);
  // Others beside those that are loaded, such as another tool's copy, may be whatever they are.
  const loaded = present.includes(SINGLE) ? [SINGLE] : shards.size > 0 ? [...shards] : present;
  for (const name of loaded) {
    const file = weights[name];
    const problem = file && safetensorsProblem(file);
    if (problem) return `${folder}/${name} ${problem}`;
  }
}

function withoutSafetensors(folder: string, names: readonly string[]): string {
  const pickle = names.find(isPickle);
  if (!pickle) return `${folder} has no *.safetensors weights`;
  return (
    `${folder} has its weights only as ${pickle}, a pickle, which can run code when it is loaded; convert it once, ` +
    `where you trust it: python -c "from transformers import AutoModelForCausalLM as M; ` +
    `M.from_pretrained('${folder}').save_pretrained('${folder}-safetensors')", and name the new folder`
  );
}

const shardsOf = ({ weight_map: map }: Record<string, unknown>): string[] =>
  [...new Set(Object.values((map ?? {}) as Record<string, string>))].sort();

/** The object that the text holds, or why there is none. */
function jsonObject(text: string): Record<string, unknown> | string {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : "does not hold an object";
  } catch (error) {
    return `cannot be read as JSON: ${(error as Error).message}`;
  }
}
