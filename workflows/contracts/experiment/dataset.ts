import { z } from "zod";

export const DatasetFormat = z
  .enum(["alpaca", "sharegpt", "messages", "prompt_completion", "text", "labelled_text"])
  .meta({ id: "DatasetFormat" });
export type DatasetFormat = z.infer<typeof DatasetFormat>;

/** One of several data sets mixed by weight: a multiple of its rows, not a share of the mixture. */
export const WeightedSource = z
  .strictObject({
    path: z.string().min(1).describe("File."),
    weight: z
      .number()
      .positive()
      .default(1)
      .describe("How often its rows are taken: 1 each once, 0.5 half of them, 2 each twice in training."),
  })
  .meta({ id: "WeightedSource" });

export const DatasetSpec = z
  .strictObject({
    path: z
      .union([z.string().min(1), z.array(WeightedSource).min(1)])
      .describe(
        "JSONL, JSON, CSV or Parquet file, relative to the experiment file; or a list of {path, weight}, weight a multiple of the file's rows (0.5: half of them; 2: each twice in training).",
      ),
    val_path: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe("A validation file; else rows are split off `path`."),
    test_path: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe("A test file; else rows are split off `path`."),
    type: z
      .union([z.literal("auto"), DatasetFormat])
      .default("auto")
      .describe("Row format; auto detects it from the columns and reports which."),
    template: z
      .string()
      .min(1)
      .default("auto")
      .describe("Chat template: auto (the tokenizer's own, else plain), none, or a Jinja template's file."),
    cutoff_len: z.int().min(8).default(1024).describe("Longest sequence in tokens."),
    truncation: z
      .enum(["drop", "keep_end", "keep_start"])
      .default("drop")
      .describe("What becomes of a longer row. The share is reported."),
    val_set_size: z
      .number()
      .nonnegative()
      .default(0.05)
      .describe("Validation rows: a share below 1, else a count."),
    test_set_size: z
      .number()
      .nonnegative()
      .default(0.05)
      .describe("Test rows: a share below 1, else a count."),
    group_by: z.string().nullable().default(null).describe("Column whose rows must stay in one split."),
    train_on_prompt: z
      .boolean()
      .default(false)
      .describe("Also learn the prompt's tokens, not just the completion's."),
    packing: z
      .boolean()
      .default(false)
      .describe("Pack rows into full sequences, positions reset at each row."),
    max_samples: z.int().positive().nullable().default(null).describe("Use at most this many rows."),
    label_column: z
      .string()
      .nullable()
      .default(null)
      .describe("Classification: the label's column (default: label, labels, category, class)."),
    text_column: z
      .string()
      .nullable()
      .default(null)
      .describe("Classification and text: the text's column (default: text)."),
    class_names: z
      .array(z.string())
      .nullable()
      .default(null)
      .describe("Classification: the classes in order (default: sorted labels of the training rows)."),
    near_duplicate_threshold: z
      .number()
      .min(0.5)
      .max(1)
      .default(0.95)
      .describe(
        "Jaccard similarity of 5-character shingles from which on two rows count as near-duplicates and stay in one split; of each row's own text, without a prompt that many rows share.",
      ),
    add_tokens: z
      .array(z.string())
      .default([])
      .describe("Tokens to add to the tokenizer; trained through modules_to_save."),
  })
  .meta({ id: "DatasetSpec" });
export type DatasetSpec = z.infer<typeof DatasetSpec>;
