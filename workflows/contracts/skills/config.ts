import { z } from "zod";
import {
  EvalSpec,
  LoraSpec,
  ModelSpec,
  PackSpec,
  SearchSpace,
  SearchSpec,
  Task,
  TrainSpec,
} from "../experiment";
import { DatasetSummary } from "./dataset";

export const BuildSearchSpaceInput = z
  .object({
    run: z.string(),
    task: Task,
    model: ModelSpec,
    dataset: DatasetSummary,
    train: TrainSpec,
    lora: LoraSpec,
    search: SearchSpec,
    eval: EvalSpec,
    pack: PackSpec,
  })
  .meta({ id: "BuildSearchSpaceInput" });
export type BuildSearchSpaceInput = z.infer<typeof BuildSearchSpaceInput>;

export const WeightSummary = z
  .object({
    name: z.string(),
    shape: z.array(z.int()),
    count: z.int().describe("How many layers have this weight."),
  })
  .meta({ id: "WeightSummary" });

export const SearchPlan = z
  .object({
    space: SearchSpace,
    /** Whether the space was proposed by Belay rather than written by the user. */
    proposed: z.boolean(),
    /** Why each range is as it is, by key. */
    reasons: z.record(z.string(), z.string()),
    adapted: z.array(WeightSummary),
    skipped: z.array(WeightSummary.extend({ reason: z.string() })),
    baseParams: z.int(),
    /** Trainable parameters at the smallest and largest rank of the space. */
    trainableParams: z.object({ min: z.int(), max: z.int() }),
    memory: z.object({
      baseBytes: z.int(),
      trialBytes: z.int(),
      activationBytes: z.int(),
      totalBytes: z.int(),
      deviceBytes: z.int().nullable(),
    }),
    /** Optimizer steps of a full trial with the spec's own train section; a searched length changes it per trial. */
    totalSteps: z.int().positive(),
    warnings: z.array(z.string()),
  })
  .meta({ id: "SearchPlan" });
export type SearchPlan = z.infer<typeof SearchPlan>;
