import { z } from "zod";
import { ArtifactRef, CheckpointRef } from "../artifact";
import { EvalSpec, MetricName, ModelSpec, Task } from "../experiment";
import { JobContext } from "../job-spec";
import { Metrics } from "../trial";
import { Split, TokenisedDataset } from "./dataset";

/** Score the base (`checkpoint` null) or an adapter on one split. */
export const EvalInput = z
  .object({
    job: JobContext,
    /** `base`, or `trial-<n>`: names the outputs. */
    label: z.string(),
    task: Task,
    model: ModelSpec,
    dataset: TokenisedDataset,
    checkpoint: CheckpointRef.nullable(),
    split: Split,
    metrics: z.array(MetricName),
    eval: EvalSpec,
    /** Classification: also score the majority class and a linear probe on the frozen body. */
    baselines: z.boolean().default(false),
  })
  .meta({ id: "EvalInput" });
export type EvalInput = z.infer<typeof EvalInput>;

export const EvalOutput = z
  .object({
    metrics: Metrics,
    /** metrics.json, canonical. */
    metricsJson: ArtifactRef,
    /** JSON: per example, in split order, the loss and each score; for the paired bootstrap. */
    perExample: ArtifactRef,
    /** A few generations, for the report: prompt, expected, got. */
    samples: z.array(z.object({ prompt: z.string(), expected: z.string(), got: z.string() })),
    baselines: z.record(z.string(), Metrics).nullable(),
    gpuSeconds: z.number().nonnegative(),
    examples: z.int(),
  })
  .meta({ id: "EvalOutput" });
export type EvalOutput = z.infer<typeof EvalOutput>;

export const CompareInput = z
  .object({
    base: ArtifactRef,
    best: ArtifactRef,
    metric: z.string(),
    seed: z.int(),
    resamples: z.int().positive().default(10_000),
  })
  .meta({ id: "CompareInput" });
export type CompareInput = z.infer<typeof CompareInput>;

/** Resampling fewer rows than this says nothing of rows that were not seen: two rows have an interval of no width. */
export const FEWEST_COMPARED_ROWS = 10;

/** Paired bootstrap of best minus base; 95 % percentile interval. */
export const CompareOutput = z
  .object({
    metric: z.string(),
    base: z.number(),
    best: z.number(),
    gain: z.number(),
    low: z.number(),
    high: z.number(),
    /** True only when the interval excludes zero on the better side, over FEWEST_COMPARED_ROWS or more. */
    beatsBase: z.boolean(),
    examples: z.int(),
    resamples: z.int(),
  })
  .meta({ id: "CompareOutput" });
export type CompareOutput = z.infer<typeof CompareOutput>;
