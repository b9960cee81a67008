import type { StageOutputs } from "../../workflows/contracts";
import { hubIdOf, placeholders } from "./card-base";
import type { VllmVerdict } from "./vllm";

const CHAT_TEMPLATE = "chat_template.jinja";

/** Whether and how vLLM serves the adapter. */
export function servingLines(
  { resolved, dataset, merge }: Pick<StageOutputs, "resolved" | "dataset" | "merge">,
  verdict: VllmVerdict,
): string[] {
  if ("refusals" in verdict) {
    const instead = merge?.passed
      ? "The merged model can be served instead."
      : "A merged model (`output.merge: best`) can be served instead.";
    return [`vLLM cannot load it as an adapter: ${verdict.refusals.join("; ")}. ${instead}`];
  }
  const { spec } = resolved;
  const id = hubIdOf(resolved);
  const hasTemplate = dataset?.tokenizer?.some(({ path }) => path === CHAT_TEMPLATE);
  const command = [
    `vllm serve ${id ?? placeholders.base}`,
    id !== null && spec.model.revision && `--revision ${spec.model.revision}`,
    `--enable-lora --max-lora-rank ${verdict.maxLoraRank}`,
    `--lora-modules ${spec.name}=${placeholders.adapter}`,
    hasTemplate && `--chat-template ${placeholders.adapter}/${CHAT_TEMPLATE}`,
  ];
  return [
    `vLLM loads it with \`--max-lora-rank ${verdict.maxLoraRank}\`, where it supports LoRA for the base's architecture:`,
    "",
    "```sh",
    command.filter(Boolean).join(" \\\n  "),
    "```",
  ];
}
