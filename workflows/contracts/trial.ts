import { z } from "zod";
import { CheckpointRef, NamedArtifact } from "./artifact";
import { Choice, LoraSpec, TrainSpec } from "./experiment";

export const TrialEndState = z
  .enum(["completed", "pruned", "diverged", "failed", "cancelled"])
  .meta({ id: "TrialEndState" });
export type TrialEndState = z.infer<typeof TrialEndState>;

export const TrialState = z
  .enum(["pending", "running", "waiting", "paused", "evaluating", "storing", ...TrialEndState.options])
  .meta({ id: "TrialState" });
export type TrialState = z.infer<typeof TrialState>;

/** A trial's parameters: keys of the search space and the values proposed for it. */
export const TrialParams = z.record(z.string(), Choice).meta({ id: "TrialParams" });
export type TrialParams = z.infer<typeof TrialParams>;

/** The complete hyper-parameters of one trial: the spec's `train` and `lora` with the trial's parameters put in. */
export const TrialConfig = z
  .object({
    train: TrainSpec,
    lora: LoraSpec.extend({ lora_alpha: z.number().positive() }),
  })
  .meta({ id: "TrialConfig" });
export type TrialConfig = z.infer<typeof TrialConfig>;

export const Metrics = z.record(z.string(), z.number()).meta({ id: "Metrics" });
export type Metrics = z.infer<typeof Metrics>;

/** Sent by a trial to its experiment at each rung. `value` is null when the metric could not be computed. */
export const RungReport = z
  .object({
    trial: z.int().nonnegative(),
    rung: z.int().nonnegative(),
    step: z.int().positive(),
    value: z.number().nullable(),
    metrics: Metrics,
    /** First run id of the experiment that started the trial: a later experiment of the same id ignores it. */
    chain: z.string().optional(),
  })
  .meta({ id: "RungReport" });
export type RungReport = z.infer<typeof RungReport>;

export const Verdict = z.enum(["continue", "prune"]).meta({ id: "Verdict" });
export type Verdict = z.infer<typeof Verdict>;

/** Sent by a trial to its experiment once, at its end. */
export const TrialOutcome = z
  .object({
    trial: z.int().nonnegative(),
    state: TrialEndState,
    /** The objective; null unless completed (or pruned: its last rung's value). */
    value: z.number().nullable(),
    step: z.int().nonnegative(),
    metrics: Metrics,
    trainableParams: z.int().nonnegative().nullable(),
    gpuSeconds: z.number().nonnegative(),
    checkpoint: CheckpointRef.nullable(),
    adapter: z.array(NamedArtifact).nullable(),
    /** SHA-256 of adapter_model.safetensors of the last checkpoint. */
    adapterSha256: z.string().nullable(),
    /** Hash of the adapter before the first step. Absent in outcomes of versions that did not say it. */
    initSha256: z.string().nullable().optional(),
    error: z.object({ type: z.string(), message: z.string() }).nullable(),
    /** As in RungReport. */
    chain: z.string().optional(),
  })
  .meta({ id: "TrialOutcome" });
export type TrialOutcome = z.infer<typeof TrialOutcome>;

/** What a trial has used and left behind so far: asked of its workflow, also when that was closed from outside. */
export type TrialAccount = Pick<
  TrialOutcome,
  "trial" | "step" | "gpuSeconds" | "trainableParams" | "checkpoint" | "adapterSha256" | "initSha256"
>;
