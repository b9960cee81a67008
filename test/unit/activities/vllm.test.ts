import { describe, expect, it } from "vitest";
import { vllmVerdict } from "../../../activities/adapters/vllm";

const name = (layer: string, half = "A") => `base_model.model.model.layers.0.${layer}.lora_${half}.weight`;
const config = { r: 16, lora_alpha: 32, target_modules: ["q_proj", "mlp.up_proj"], bias: "none" };
const tensors = ["A", "B"].flatMap((half) => [name("self_attn.q_proj", half), name("mlp.up_proj", half)]);
const verdict = (changes: object, names = tensors) =>
  vllmVerdict({ config: { ...config, ...changes }, tensors: names });

describe("what vLLM's LoRA loader accepts", () => {
  it.each([
    [1, 8],
    [8, 8],
    [9, 16],
    [65, 128],
    [257, 320],
    [321, 512],
    [512, 512],
  ])("rank %i, with --max-lora-rank %i", (r, maxLoraRank) => {
    expect(verdict({ r })).toEqual({ maxLoraRank });
  });

  it("targets by pattern, and no whole modules in whatever way that is said", () => {
    for (const changes of [{ target_modules: ".*proj" }, { modules_to_save: null }, { modules_to_save: [] }])
      expect(verdict(changes)).toEqual({ maxLoraRank: 16 });
  });

  it.each([
    [
      "whole modules",
      { modules_to_save: ["lm_head"] },
      tensors,
      "whole modules beside the low ranks (lm_head)",
    ],
    ["DoRA", { use_dora: true }, tensors, "DoRA"],
    ["biases", { bias: "all" }, tensors, "biases"],
    ["a rank beyond", { r: 513 }, tensors, "its rank is 513, above 512"],
    ["a config that is none", { r: "8" }, tensors, "adapter_config.json"],
    ["no weights", {}, [], "no weights"],
    ["embeddings", {}, [...tensors, "base_model.model.model.embed_tokens.weight"], "embed_tokens"],
    [
      "an adapter's name in a weight's",
      {},
      [name("self_attn.q_proj").replace(".weight", ".default.weight")],
      "default",
    ],
    ["a layer that is no target", {}, [...tensors, name("self_attn.wrong_q_proj")], "wrong_q_proj"],
  ])("refuses %s", (_, changes, names, reason) => {
    const found = verdict(changes, names);
    expect("refusals" in found && found.refusals.join("; ")).toContain(reason);
  });

  it("names every reason", () => {
    expect(verdict({ use_dora: true, r: 1024 })).toMatchObject({ refusals: { length: 2 } });
  });
});
