import { basename, isAbsolute } from "node:path";
import { stringify } from "yaml";
import type { ExperimentSpec, TrialConfig } from "../../workflows/contracts";

export interface ModelCardFacts {
  run: string;
  spec: ExperimentSpec;
  trial: number;
  config: TrialConfig;
  steps: number;
  /** Split that base and winner were scored on, and how many rows it has. */
  split: string;
  examples: number;
  base: Record<string, number>;
  best: Record<string, number>;
  /** SPDX id or other name, where the base's own card says it. */
  license: string | null;
  classNames: string[] | null;
}

const pipelineTags: Record<ExperimentSpec["task"], string> = {
  causal_lm: "text-generation",
  sequence_classification: "text-classification",
};

/** What a hub would call the base: its id, or the name of its folder. */
export const baseName = (model: string): string => (isAbsolute(model) ? basename(model) : model);

/** README.md of an adapter folder: front matter as the hub wants it, then what a reader wants to know. Canonical. */
export function modelCard(facts: ModelCardFacts): string {
  return `---\n${frontMatter(facts)}---\n\n${body(facts)}`;
}

function frontMatter({ spec, split, best, license }: ModelCardFacts): string {
  const base = baseName(spec.model.model_name_or_path);
  const metrics = sortedEntries(best).map(([type, value]) => ({ type, value }));
  return stringify({
    base_model: base,
    library_name: "peft",
    ...(license ? { license } : {}),
    pipeline_tag: pipelineTags[spec.task],
    tags: ["lora", `base_model:adapter:${base}`],
    "model-index": [
      {
        name: spec.name,
        results: [
          {
            task: { type: pipelineTags[spec.task] },
            dataset: { name: `${spec.name} (${split})`, type: "custom" },
            metrics,
          },
        ],
      },
    ],
  });
}

function body(facts: ModelCardFacts): string {
  const { run, spec, trial, config, steps, split, examples, base, best } = facts;
  const { train, lora } = config;
  const rows = [...new Set([...Object.keys(base), ...Object.keys(best)])]
    .sort()
    .map((name) => `| ${name} | ${figure(base[name])} | ${figure(best[name])} |`);
  const targets =
    lora.target_modules === "all-linear" ? "all linear layers" : [...lora.target_modules].sort().join(", ");
  const lines = [
    `# ${spec.name}`,
    "",
    spec.description || `A LoRA adapter for ${baseName(spec.model.model_name_or_path)}.`,
    "",
    "## Use",
    "",
    "```python",
    ...usage(facts),
    "```",
    "",
    "## Results",
    "",
    split === "test"
      ? `On ${examples} test rows that the search never saw:`
      : `On the ${examples} ${split} rows that the search was judged on:`,
    "",
    "| metric | base | with this adapter |",
    "|---|---|---|",
    ...rows,
    "",
    "## Training",
    "",
    `Trial ${trial} of the search \`${run}\`: ${steps} steps, seed ${train.seed}, learning rate ${train.learning_rate} ` +
      `(${train.lr_scheduler_type}), batch ${train.per_device_train_batch_size} × ${train.gradient_accumulation_steps}, ` +
      `rank ${lora.r}, alpha ${lora.lora_alpha}, dropout ${lora.lora_dropout}, on ${targets}.`,
    "",
    "Everything that is needed to repeat it is in the run's manifest; this checks it:",
    "",
    "```sh",
    `npx belay verify ${run}`,
    "```",
    "",
  ];
  return lines.join("\n");
}

/** Three lines that load the adapter. */
export function usage({ spec, classNames }: Pick<ModelCardFacts, "spec" | "classNames">): string[] {
  const classifies = spec.task === "sequence_classification";
  const model = classifies ? "AutoPeftModelForSequenceClassification" : "AutoPeftModelForCausalLM";
  const labels = classifies && classNames ? `, num_labels=${classNames.length}` : "";
  return [
    `from peft import ${model}; from transformers import AutoTokenizer`,
    `model = ${model}.from_pretrained("path/to/this/folder"${labels})`,
    `tokenizer = AutoTokenizer.from_pretrained(${JSON.stringify(baseName(spec.model.model_name_or_path))})`,
  ];
}

const sortedEntries = (record: Record<string, number>): [string, number][] =>
  Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));

const figure = (value: number | undefined): string =>
  value === undefined ? "–" : String(Number(value.toPrecision(6)));
