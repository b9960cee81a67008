import { z } from "zod";

export const MetricName = z
  .enum([
    "eval_loss",
    "perplexity",
    "bits_per_byte",
    "token_accuracy",
    "exact_match",
    "f1",
    "accuracy",
    "macro_f1",
  ])
  .meta({ id: "MetricName" });
export type MetricName = z.infer<typeof MetricName>;

/** Metrics for which larger is better. */
export const isHigherBetter = (metric: string): boolean =>
  ["token_accuracy", "exact_match", "f1", "accuracy", "macro_f1"].includes(metric);

/** Metrics that need generation, and are therefore computed at the end of a trial, not at its rungs. */
export const needsGeneration = (metric: string): boolean => metric === "exact_match" || metric === "f1";

export const EvalSpec = z
  .strictObject({
    eval_steps: z
      .int()
      .positive()
      .default(50)
      .describe("Optimizer steps between evaluations on validation rows."),
    metrics: z
      .array(MetricName)
      .min(1)
      .nullable()
      .default(null)
      .describe(
        "Default: eval_loss, perplexity, token_accuracy; for classification eval_loss, accuracy, macro_f1.",
      ),
    report_metric: MetricName.nullable()
      .default(null)
      .describe(
        "The score that the report compares base and winner by; default: the first task score among the metrics, else search.metric.",
      ),
    batch_size: z.int().positive().default(32).describe("Rows per evaluation batch."),
    generation: z
      .strictObject({
        max_new_tokens: z.int().positive().default(64).describe("Longest generation, in tokens."),
        do_sample: z.literal(false).default(false).describe("Generation is greedy, so that it repeats."),
        stop: z
          .string()
          .nullable()
          .default(null)
          .describe("Text at which generation stops, beside the end-of-sequence token."),
        ignore_spaces: z.boolean().default(false).describe("Exact match and F1 ignore white space."),
      })
      .prefault({}),
  })
  .meta({ id: "EvalSpec" });
export type EvalSpec = z.infer<typeof EvalSpec>;

export const SaveSpec = z
  .strictObject({
    save_steps: z.int().positive().default(50).describe("Optimizer steps between checkpoints."),
    save_total_limit: z.int().min(2).default(2).describe("Checkpoints kept per trial."),
  })
  .meta({ id: "SaveSpec" });
export type SaveSpec = z.infer<typeof SaveSpec>;

export const PackSpec = z
  .strictObject({
    enabled: z
      .union([z.literal("auto"), z.boolean()])
      .default("auto")
      .describe(
        "Train the trials that share a base together in one step; takes effect with packed training. Until then they " +
          "take turns over one copy of the base, and true is refused.",
      ),
    max_adapters: z
      .int()
      .positive()
      .default(32)
      .describe(
        "Trials that one engine trains at once, at most; takes effect with packed training. Until then BELAY_SLOTS of " +
          "the GPU worker decides.",
      ),
    max_tokens_per_step: z
      .int()
      .positive()
      .default(8192)
      .describe(
        "Tokens of one packed step, over all its trials; takes effect with packed training. Until then no step is " +
          "packed.",
      ),
    memory_fraction: z
      .number()
      .gt(0)
      .max(1)
      .default(0.9)
      .describe("Share of the device's memory that may be planned for."),
  })
  .meta({ id: "PackSpec" });

export const PlacementSpec = z
  .strictObject({
    backend: z
      .enum(["queue", "local", "ssh"])
      .nullable()
      .default(null)
      .describe(
        "Kind of place; null: the dispatcher chooses. Only queue, the pool of GPU workers, is served yet.",
      ),
    labels: z.array(z.string()).default([]).describe("Labels that a place must have."),
    host: z.string().nullable().default(null).describe("One place by name."),
  })
  .meta({ id: "PlacementSpec" });
export type PlacementSpec = z.infer<typeof PlacementSpec>;

export const OutputSpec = z
  .strictObject({
    merge: z.enum(["best", "none"]).default("none").describe("Merge the winner into the base and check it."),
    export_dir: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        "Also copy the outputs to `adapter` and `merged` in this folder; such folders of a former run are replaced.",
      ),
    push_to_hub: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe("Hub repository to upload the adapter to (needs HF_TOKEN)."),
    format: z.enum(["peft", "gguf", "sharded"]).default("peft").describe("Format of the published adapter."),
  })
  .meta({ id: "OutputSpec" });
export type OutputSpec = z.infer<typeof OutputSpec>;
