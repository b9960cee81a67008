import type { StageOutputs } from "../../workflows/contracts";

/** Where a reader has the two folders, or the base's id on the hub. */
export interface Places {
  base: string;
  adapter: string;
}

/** Plain transformers and PEFT, nothing of ours: the adapter must load where this project is not installed. */
export function pythonToLoad(
  { resolved, dataset }: Pick<StageOutputs, "resolved" | "dataset">,
  { base, adapter }: Places,
): string[] {
  const { model, task, dataset: data } = resolved.spec;
  const isPublished = (dataset?.tokenizer ?? []).length > 0;
  const classes = task === "sequence_classification" ? dataset?.tokenised.classNames : undefined;
  const auto = task === "causal_lm" ? "AutoModelForCausalLM" : "AutoModelForSequenceClassification";
  const revision = model.revision && `revision=${pythonString(model.revision)}`;
  const tokenizer = isPublished ? [pythonString(adapter)] : [pythonString(base), revision];
  return [
    "import peft, transformers",
    `tokenizer = transformers.AutoTokenizer.from_pretrained(${list(tokenizer)})`,
    ...(classes ? [`classes = ${numbered(classes)}`] : []),
    `base = transformers.${auto}.from_pretrained(${list([pythonString(base), revision, classes && "id2label=classes"])})`,
    ...(data.add_tokens.length > 0 ? widen(isPublished ? [] : data.add_tokens) : []),
    `model = peft.PeftModel.from_pretrained(base, ${pythonString(adapter)})`,
  ];
}

/** Rows for the added tokens, unless the base has spare ones; the adapter brings what is in them. */
const widen = (missing: readonly string[]): string[] => [
  ...(missing.length > 0 ? [`tokenizer.add_tokens(${JSON.stringify(missing)})`] : []),
  "rows = max(len(tokenizer), base.get_input_embeddings().num_embeddings)",
  "base.resize_token_embeddings(rows, mean_resizing=False)",
];

/** A dictionary from a class's index, as the model answers it, to its name. */
const numbered = (classes: readonly string[]): string =>
  `{${classes.map((name, index) => `${index}: ${pythonString(name)}`).join(", ")}}`;

const list = (items: readonly unknown[]): string => items.filter(Boolean).join(", ");

/** A JSON string is also a Python string. */
const pythonString = (text: string): string => JSON.stringify(text);
