import { z } from "zod";

/** What `--max-lora-rank` may be (vllm/config/lora.py); the least one that holds the adapter costs least memory. */
const RANKS = [8, 16, 32, 64, 128, 256, 320, 512];

const HEADS = ["classifier", "score"];

/** Names that its loader takes apart (parse_fine_tuned_lora_name in vllm/lora/utils.py). */
const WEIGHT = /^base_model\.model\.(.+)\.lora_[AB]\.weight$/;

/** What its loader reads of adapter_config.json (vllm/lora/peft_helper.py); it has no use for the rest. */
const AdapterConfig = z.looseObject({
  r: z.int().positive(),
  lora_alpha: z.number(),
  target_modules: z.union([z.string(), z.array(z.string())]),
  bias: z.string().default("none"),
  use_dora: z.boolean().default(false),
  modules_to_save: z.array(z.string()).nullish(),
});

export interface AdapterFacts {
  /** adapter_config.json. */
  config: unknown;
  /** Names in adapter_model.safetensors. */
  tensors: readonly string[];
}

export type VllmVerdict = { maxLoraRank: number } | { refusals: string[] };

/** Whether vLLM's LoRA loader takes an adapter, and with which `--max-lora-rank`; else why not. */
export function vllmVerdict({ config, tensors }: AdapterFacts): VllmVerdict {
  const parsed = AdapterConfig.safeParse(config);
  if (!parsed.success)
    return { refusals: ["its adapter_config.json does not name r, lora_alpha and target_modules"] };
  const { r, bias, use_dora: isDora, modules_to_save: whole, target_modules: targets } = parsed.data;
  const maxLoraRank = RANKS.find((rank) => rank >= r);
  const refusals: string[] = [];
  if (whole && whole.length > 0) refusals.push(wholeModules(present(whole, tensors)));
  if (isDora) refusals.push("it is a DoRA adapter");
  if (bias !== "none") refusals.push("it trains biases");
  if (maxLoraRank === undefined) refusals.push(`its rank is ${r}, above ${RANKS.at(-1)}`);
  // Whole modules and magnitudes have names of their own, which were refused above.
  if (refusals.length === 0) refusals.push(...misnamed(tensors, targets));
  return maxLoraRank === undefined || refusals.length > 0 ? { refusals } : { maxLoraRank };
}

function wholeModules(names: readonly string[]): string {
  const told = names.join(", ");
  return names.every((name) => HEADS.includes(name))
    ? `it has a classification head of its own (${told}), which releases without vllm-project/vllm#53555 refuse`
    : `it trains whole modules beside the low ranks (${told})`;
}

/** PEFT names every head that a classifier may have; those with weights are meant, where there are any. */
function present(modules: readonly string[], tensors: readonly string[]): string[] {
  const names = [...new Set(modules)].sort();
  const found = names.filter((module) => tensors.some((name) => name.includes(`.${module}.`)));
  return found.length > 0 ? found : names;
}

/** Weights go to layers by the last part of a name; those that are not where the targets say find none. */
function misnamed(tensors: readonly string[], targets: string | readonly string[]): string[] {
  const strange = tensors.filter((name) => {
    const layer = WEIGHT.exec(name)?.[1];
    return layer === undefined || !(typeof targets === "string" || targets.some((t) => isAt(layer, t)));
  });
  if (tensors.length === 0) return ["it has no weights"];
  return strange.length > 0 ? [`it has weights that are not of a targeted layer (${strange[0]})`] : [];
}

const isAt = (layer: string, target: string): boolean => layer === target || layer.endsWith(`.${target}`);
