/** A base model's folder as somebody has read it. */
export interface ModelFolder {
  folder: string;
  /** Files directly in it. */
  names: readonly string[];
  /** Contents of those that `isDecisive`. */
  texts: Readonly<Record<string, string>>;
}

const CONFIG = "config.json";
const isIndex = (name: string): boolean => name.endsWith(".safetensors.index.json");
const isWeights = (name: string): boolean => name.endsWith(".safetensors");
/** Weights in Python's pickle format: loading them runs whatever code they hold. */
const isPickle = (name: string): boolean => /\.(bin|pt|pth|ckpt|pkl)$/.test(name);

/** Whether the file's content says something about the folder as a whole. */
export const isDecisive = (name: string): boolean => name === CONFIG || isIndex(name);

/** Other frameworks' weights beside ours; no part of the base. */
export const isForeign = (name: string): boolean =>
  isPickle(name) || /\.(onnx|gguf|h5|msgpack|tflite|ot)$/.test(name);

/** Why no base can be loaded from the folder, as far as its files tell; undefined: nothing speaks against it. */
export function modelFolderProblem({ folder, names, texts }: ModelFolder): string | undefined {
  if (!names.includes(CONFIG))
    return `${folder} has no config.json; name the folder that save_pretrained wrote`;
  const weights = names.filter(isWeights);
  for (const name of names.filter(isDecisive)) {
    const read = jsonObject(texts[name] ?? "");
    if (typeof read === "string") return `${folder}/${name} ${read}`;
    const missing = isIndex(name) ? missingShards(read, weights) : [];
    if (missing.length > 0) return `${folder} is incomplete: ${name} names ${missing.join(", ")}`;
  }
  return weights.length === 0 ? withoutSafetensors(folder, names) : undefined;
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

const missingShards = (
  { weight_map: map = {} }: Record<string, unknown>,
  weights: readonly string[],
): string[] =>
  [...new Set(Object.values(map as Record<string, string>))]
    .filter((shard) => !weights.includes(shard))
    .sort();

/** The object that the text holds, or why there is none. */
function jsonObject(text: string): Record<string, unknown> | string {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null
      ? (value as Record<string, unknown>)
      : "does not hold an object";
  } catch (error) {
    return `cannot be read as JSON: ${(error as Error).message}`;
  }
}
