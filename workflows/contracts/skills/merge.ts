import { z } from "zod";
import { CheckpointRef, NamedArtifact } from "../artifact";
import { ModelSpec, Task } from "../experiment";
import { JobContext } from "../job-spec";
import { TokenisedDataset } from "./dataset";

export const MergeInput = z
  .object({
    job: JobContext,
    task: Task,
    model: ModelSpec,
    dataset: TokenisedDataset,
    checkpoint: CheckpointRef,
  })
  .meta({ id: "MergeInput" });
export type MergeInput = z.infer<typeof MergeInput>;

export const MergeOutput = z
  .object({
    /** A folder that `transformers` loads, tokenizer included. */
    files: z.array(NamedArtifact),
    /** Largest absolute difference between merged and adapter logits over the checked rows. */
    maxLogitDifference: z.number(),
    tolerance: z.number(),
    passed: z.boolean(),
    rows: z.int(),
    /** What would make it again: PEFT's method, the type of the sum, and the type that was written. */
    recipe: z
      .object({ method: z.string(), computeDtype: z.string(), dtype: z.string() })
      .nullable()
      .default(null),
  })
  .meta({ id: "MergeOutput" });
export type MergeOutput = z.infer<typeof MergeOutput>;

export const HubPushInput = z
  .object({ job: JobContext, repo: z.string(), files: z.array(NamedArtifact) })
  .meta({ id: "HubPushInput" });
export type HubPushInput = z.infer<typeof HubPushInput>;

export const HubPushOutput = z.object({ url: z.string(), commit: z.string() }).meta({ id: "HubPushOutput" });
export type HubPushOutput = z.infer<typeof HubPushOutput>;
