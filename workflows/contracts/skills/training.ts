import { z } from "zod";
import { ArtifactRef, CheckpointRef } from "../artifact";
import { EvalSpec, ModelSpec, SaveSpec, Task } from "../experiment";
import { JobContext } from "../job-spec";
import { Metrics, TrialConfig } from "../trial";
import { TokenisedDataset } from "./dataset";

export const TrainingInput = z
  .object({
    job: JobContext,
    trial: z.int().nonnegative(),
    task: Task,
    model: ModelSpec,
    dataset: TokenisedDataset,
    config: TrialConfig,
    eval: EvalSpec,
    save: SaveSpec,
    /** Train up to this optimizer step (a rung or the end), evaluate, checkpoint, return. */
    targetStep: z.int().positive(),
    /** The schedule's length; it does not change with the rung. */
    totalSteps: z.int().positive(),
    /** Seconds the slot's state may stay in memory after the return, in wait for the verdict. */
    parkSeconds: z.number().nonnegative().default(0),
  })
  .meta({ id: "TrainingInput" });
export type TrainingInput = z.infer<typeof TrainingInput>;

export const TrainingStatus = z.enum(["reached", "diverged", "stopped"]).meta({ id: "TrainingStatus" });

export const TrainingOutput = z
  .object({
    /** reached: targetStep done; diverged: the loss is not finite; stopped: cancelled, with a checkpoint. */
    status: TrainingStatus,
    step: z.int().nonnegative(),
    /** Validation metrics at `step`; empty when stopped or diverged. */
    metrics: Metrics,
    checkpoint: CheckpointRef.nullable(),
    adapterSha256: z.string().nullable(),
    /** Hash of A and B (and whole modules) before the first step. */
    initSha256: z.string().nullable(),
    resumedFromStep: z.int().nonnegative(),
    trainableParams: z.int().nonnegative(),
    gpuSeconds: z.number().nonnegative(),
    labelTokens: z.int().nonnegative(),
    /**
     * The newest WAL segments shipped during this attempt, in order: a long attempt ships more than an answer should
     * name. Whoever needs every one lists the store.
     */
    walSegments: z.array(ArtifactRef),
  })
  .meta({ id: "TrainingOutput" });
export type TrainingOutput = z.infer<typeof TrainingOutput>;

/** Heartbeat details of training.run. `checkpoint` is the newest durable one. */
export const TrainingHeartbeat = z
  .object({
    trial: z.int(),
    step: z.int(),
    totalSteps: z.int(),
    loss: z.number().nullable(),
    /** The newest of this attempt's evaluations. */
    evaluation: z
      .object({ step: z.int(), metrics: z.record(z.string(), z.number()) })
      .nullable()
      .default(null),
    checkpoint: CheckpointRef.nullable(),
    /** Used by this attempt so far; the answer of one that is lost never comes. */
    gpuSeconds: z.number().nonnegative().default(0),
  })
  .meta({ id: "TrainingHeartbeat" });
export type TrainingHeartbeat = z.infer<typeof TrainingHeartbeat>;
