import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type ModelCardFacts, modelCard } from "../../../activities/adapters/model-card";
import type { VllmVerdict } from "../../../activities/adapters/vllm";
import { trialConfig } from "../../../workflows/lora/trial-config";
import { reportFixture } from "../../support/report-fixture";

const commit = "c".repeat(40);
const servable: VllmVerdict = { maxLoraRank: 16 };

/** The card of an adapter of the hub model, or of a folder. */
function card({
  model = "Qwen/Qwen3-0.6B",
  vllm = servable,
  files = ["tokenizer.json"],
  added = [] as string[],
  scores = {} as Record<string, number>,
  classes = null as string[] | null,
}) {
  const { stages } = reportFixture({ task: classes ? "sequence_classification" : "causal_lm" });
  const { spec } = stages.resolved;
  spec.model = { ...spec.model, model_name_or_path: model, revision: model.startsWith("/") ? null : commit };
  spec.dataset.add_tokens = added;
  const sha = "a".repeat(64);
  const ref = { uri: "s3://belay/x", sha256: sha, sizeBytes: 1, mediaType: "text/plain" };
  if (stages.dataset) stages.dataset.tokenised.classNames = classes;
  if (stages.dataset) stages.dataset.tokenizer = files.map((path) => ({ path, ref }));
  stages.resolved.modelFiles = [{ path: `${model}/model.safetensors`, sha256: sha, sizeBytes: 1 }];
  const facts: ModelCardFacts = {
    run: "run-1",
    stages,
    trial: 3,
    config: trialConfig(spec, { r: 12 }, 1),
    steps: 10,
    split: "test",
    examples: 5,
    base: {},
    best: scores,
    license: null,
    vllm,
  };
  const text = modelCard(facts);
  return { text, front: parse(/^---\n([\s\S]*?)\n---\n/.exec(text)?.[1] ?? "") };
}

describe("the model card", () => {
  it("names a hub model with its commit, for the hub and for Python", () => {
    const { text, front } = card({});
    expect(front.base_model).toBe("Qwen/Qwen3-0.6B");
    expect(front.tags).toEqual(["lora", "base_model:adapter:Qwen/Qwen3-0.6B"]);
    expect(text).toContain(`AutoModelForCausalLM.from_pretrained("Qwen/Qwen3-0.6B", revision="${commit}")`);
    expect(text).toContain('AutoTokenizer.from_pretrained("path/to/this/folder")');
    expect(text).toContain(`vllm serve Qwen/Qwen3-0.6B \\\n  --revision ${commit}`);
    expect(text).not.toContain("resize_token_embeddings");
  });

  it("claims no base on the hub for a folder, and tells no private place", () => {
    const { text, front } = card({ model: "/home/olga/base" });
    expect(front).not.toHaveProperty("base_model");
    expect(front.tags).toEqual(["lora"]);
    expect(text).not.toContain("olga");
    expect(text).toContain('AutoModelForCausalLM.from_pretrained("path/to/the/base/model")');
    expect(text).toContain(`| model.safetensors | \`${"a".repeat(64)}\` |`);
  });

  it("has results where there are any, and says so where there are none", () => {
    const scored = card({ scores: { eval_loss: 0.5 } });
    expect(scored.text).toContain("On 5 test rows that the search never saw:\n\n| metric |");
    expect(scored.front["model-index"][0].results[0].metrics).toEqual([{ type: "eval_loss", value: 0.5 }]);
    const unscored = card({});
    expect(unscored.text).toContain("This adapter was not scored");
    expect(unscored.front).not.toHaveProperty("model-index");
  });

  it("says which index is which class, to Python and to a reader", () => {
    const { text } = card({ classes: ["to pay", 'a "quoted" \\ name', "x|y\n# z"] });
    expect(text).toContain(
      String.raw`classes = {0: "to pay", 1: "a \"quoted\" \\ name", 2: "x|y\n# z"}` +
        "\nbase = transformers.AutoModelForSequenceClassification.from_pretrained(" +
        `"Qwen/Qwen3-0.6B", revision="${commit}", id2label=classes)`,
    );
    const rows = String.raw`| 0 | to pay |
| 1 | a "quoted" \\ name |
| 2 | x\|y # z |`;
    expect(text).toContain(`## Classes\n\n| index | class |\n|---|---|\n${rows}\n\n## Results`);
    expect(card({}).text).not.toMatch(/classes|## Classes/);
  });

  it("makes room for added tokens", () => {
    expect(card({ added: ["<call>"] }).text).toContain(
      "base.resize_token_embeddings(rows, mean_resizing=False)",
    );
  });

  it("takes the base's tokenizer where none was kept, with the added tokens", () => {
    const { text } = card({ files: [], added: ["<call>"] });
    expect(text).toContain(`AutoTokenizer.from_pretrained("Qwen/Qwen3-0.6B", revision="${commit}")`);
    expect(text).toContain('tokenizer.add_tokens(["<call>"])');
  });

  it("serves with the template that was learnt", () => {
    expect(card({}).text).not.toContain("--chat-template");
    expect(card({ files: ["chat_template.jinja"] }).text).toContain(
      "--max-lora-rank 16 \\\n  --lora-modules commands=path/to/this/folder \\\n  --chat-template path/to/this/folder/chat_template.jinja",
    );
  });

  it("says why vLLM cannot load it, and what can be served", () => {
    const { text } = card({ vllm: { refusals: ["it is a DoRA adapter", "it trains biases"] } });
    expect(text).toContain("vLLM cannot load it as an adapter: it is a DoRA adapter; it trains biases.");
    expect(text).toContain("can be served instead");
    expect(text).not.toContain("vllm serve");
  });
});
