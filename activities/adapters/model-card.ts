import { stringify } from "yaml";
import type { ExperimentSpec, StageOutputs, TrialConfig } from "../../workflows/contracts";
import { inline } from "../report/markdown/text";
import { baseLines, hubIdOf, placeholders } from "./card-base";
import { servingLines } from "./card-serving";
import { pythonToLoad } from "./python-snippet";
import type { VllmVerdict } from "./vllm";

export interface ModelCardFacts {
  run: string;
  stages: Pick<StageOutputs, "resolved" | "dataset" | "merge">;
  trial: number;
  config: TrialConfig;
  steps: number;
  /** Split that base and winner were scored on, and how many rows it has. */
  split: string;
  examples: number;
  base: Record<string, number>;
  /** Empty where the winner could not be scored. */
  best: Record<string, number>;
  /** SPDX id or other name, where the base's own card says it. */
  license: string | null;
  vllm: VllmVerdict;
}

const pipelineTags: Record<ExperimentSpec["task"], string> = {
  causal_lm: "text-generation",
  sequence_classification: "text-classification",
};

/** README.md of an adapter folder: front matter as the hub wants it, then what a reader wants to know. Canonical. */
export function modelCard(facts: ModelCardFacts): string {
  return `---\n${frontMatter(facts)}---\n\n${body(facts)}`;
}

function frontMatter({ stages, split, best, license }: ModelCardFacts): string {
  const { spec } = stages.resolved;
  const base = hubIdOf(stages.resolved);
  const metrics = sortedEntries(best).map(([type, value]) => ({ type, value }));
  return stringify({
    ...(base ? { base_model: base } : {}),
    library_name: "peft",
    ...(license ? { license } : {}),
    pipeline_tag: pipelineTags[spec.task],
    tags: ["lora", ...(base ? [`base_model:adapter:${base}`] : [])],
    ...(metrics.length > 0 && {
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
    }),
  });
}

function body(facts: ModelCardFacts): string {
  const { run, stages, trial, config, steps } = facts;
  const { spec } = stages.resolved;
  const id = hubIdOf(stages.resolved);
  const { train, lora } = config;
  const targets =
    lora.target_modules === "all-linear" ? "all linear layers" : [...lora.target_modules].sort().join(", ");
  const lines = [
    `# ${spec.name}`,
    "",
    spec.description || (id ? `A LoRA adapter for ${id}.` : "A LoRA adapter."),
    "",
    "## Base",
    "",
    ...baseLines(stages.resolved),
    "",
    "## Use",
    "",
    "```python",
    ...pythonToLoad(stages, { ...placeholders, base: id ?? placeholders.base }),
    "```",
    "",
    ...servingLines(stages, facts.vllm),
    "",
    ...classLines(stages),
    "## Results",
    "",
    ...resultLines(facts),
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

/** Which class an index of the model's answer stands for; nothing else in the folder tells. */
function classLines({ resolved, dataset }: ModelCardFacts["stages"]): string[] {
  const classes = dataset?.tokenised.classNames;
  if (resolved.spec.task !== "sequence_classification" || !classes) return [];
  const rows = classes.map((name, index) => `| ${index} | ${inline(name)} |`);
  return ["## Classes", "", "| index | class |", "|---|---|", ...rows, ""];
}

function resultLines({ split, examples, base, best }: ModelCardFacts): string[] {
  if (Object.keys(best).length === 0) return ["This adapter was not scored: its run says why."];
  const rows = [...new Set([...Object.keys(base), ...Object.keys(best)])]
    .sort()
    .map((name) => `| ${name} | ${figure(base[name])} | ${figure(best[name])} |`);
  const on =
    split === "test"
      ? `On ${examples} test rows that the search never saw:`
      : `On the ${examples} ${split} rows that the search was judged on:`;
  return [on, "", "| metric | base | with this adapter |", "|---|---|---|", ...rows];
}

const sortedEntries = (record: Record<string, number>): [string, number][] =>
  Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));

const figure = (value: number | undefined): string =>
  value === undefined ? "–" : String(Number(value.toPrecision(6)));
