import { z } from "zod";
import { ArtifactRef, NamedArtifact, Sha256 } from "../artifact";
import { DatasetFormat, DatasetSpec, ModelSpec, Task } from "../experiment";

export const Split = z.enum(["train", "validation", "test"]).meta({ id: "Split" });
export type Split = z.infer<typeof Split>;

export const DatasetAnalyzeInput = z
  .object({ run: z.string(), task: Task, model: ModelSpec, dataset: DatasetSpec, seed: z.int() })
  .meta({ id: "DatasetAnalyzeInput" });
export type DatasetAnalyzeInput = z.infer<typeof DatasetAnalyzeInput>;

/** Histogram: `counts[i]` rows have a length in [edges[i], edges[i+1]). */
export const Histogram = z
  .object({ edges: z.array(z.number()), counts: z.array(z.int()) })
  .meta({ id: "Histogram" });

/** The profile as stored (profile.json) and shown in the report. */
export const DatasetProfile = z
  .object({
    schemaVersion: z.literal(1),
    format: DatasetFormat,
    /** How the format was found: named by the user, or from which columns. */
    formatReason: z.string(),
    columns: z.array(z.string()),
    rows: z.object({ read: z.int(), used: z.int(), train: z.int(), validation: z.int(), test: z.int() }),
    sources: z.array(z.object({ path: z.string(), rows: z.int(), weight: z.number(), sha256: Sha256 })),
    tokenLengths: z.object({
      histogram: Histogram,
      min: z.int(),
      median: z.number(),
      p95: z.number(),
      max: z.int(),
      labelTokens: z.int().describe("Tokens that carry a loss, over the training rows."),
    }),
    truncation: z.object({ policy: z.string(), rows: z.int(), share: z.number() }),
    duplicates: z.object({ exact: z.int(), near: z.int(), examples: z.array(z.string()) }),
    leakage: z.object({ exact: z.int(), near: z.int(), examples: z.array(z.string()) }),
    labels: z
      .array(z.object({ name: z.string(), train: z.int(), validation: z.int(), test: z.int() }))
      .nullable(),
    groups: z.object({ column: z.string(), count: z.int() }).nullable(),
    template: z.object({ source: z.string(), sha256: Sha256.nullable() }),
    bytesPerToken: z.number(),
    examples: z
      .array(z.object({ prompt: z.string(), completion: z.string() }))
      .describe("A few training rows, as the model sees them."),
    warnings: z.array(z.string()),
  })
  .meta({ id: "DatasetProfile" });
export type DatasetProfile = z.infer<typeof DatasetProfile>;

/** The tokenised splits, built once and shared read-only by all trials. */
export const TokenisedDataset = z
  .object({
    /** One content-addressed object per split: a safetensors file (layout in gpu-worker/belay_gpu/data). */
    splits: z.partialRecord(Split, ArtifactRef),
    /** Hash over the splits' objects, in name order. */
    sha256: Sha256,
    classNames: z.array(z.string()).nullable(),
  })
  .meta({ id: "TokenisedDataset" });
export type TokenisedDataset = z.infer<typeof TokenisedDataset>;

export const DatasetSummary = z
  .object({
    profile: ArtifactRef,
    tokenised: TokenisedDataset,
    rows: z.object({ train: z.int(), validation: z.int(), test: z.int() }),
    format: DatasetFormat,
    datasetSha256: Sha256,
    /** Hash of the row indices of each split, in order. */
    splitSha256: Sha256,
    tokenizerSha256: Sha256,
    /** The tokenizer as the rows were tokenised with it, for `AutoTokenizer`; absent in runs from before it was kept. */
    tokenizer: z.array(NamedArtifact).nullish(),
    templateSha256: Sha256.nullable(),
    labelTokens: z.int(),
    maxLength: z.int(),
    /** Training sequences after packing; absent where rows are not packed. */
    packs: z.int().positive().nullish(),
    warnings: z.array(z.string()),
  })
  .meta({ id: "DatasetSummary" });
export type DatasetSummary = z.infer<typeof DatasetSummary>;
