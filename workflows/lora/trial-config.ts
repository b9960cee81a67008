import type { LoraSpec, TrainSpec } from "../contracts/experiment";
import type { TrialConfig, TrialParams } from "../contracts/trial";

type Sections = { train: TrainSpec; lora: LoraSpec };

/** `2r` follows the rank; a number is itself. */
export const resolveAlpha = (alpha: number | string, rank: number): number =>
  typeof alpha === "number" ? alpha : Number.parseFloat(alpha) * rank;

/** The spec's sections with the trial's parameters put in, and alpha as a number. */
export function trialConfig(spec: Sections, params: TrialParams, seed: number): TrialConfig {
  const train = { ...spec.train, seed };
  const lora = { ...spec.lora };
  for (const [key, value] of Object.entries(params)) {
    Object.assign(key in spec.lora ? lora : train, { [key]: value });
  }
  return { train, lora: { ...lora, lora_alpha: resolveAlpha(lora.lora_alpha, lora.r) } };
}

/**
 * Optimizer steps of a trial over so many training sequences, as the config skill counts them: an epoch's last batch
 * may be short.
 */
export function trialSteps(sequences: number, train: TrainSpec): number {
  if (train.max_steps !== null) return train.max_steps;
  const perStep = train.per_device_train_batch_size * train.gradient_accumulation_steps;
  return Math.max(1, Math.ceil(Math.ceil(sequences / perStep) * train.num_train_epochs));
}

/** Seed of the `index`-th rerun of a finalist (from 1): far from the seeds a person would set by hand. */
export const replicateSeed = (seed: number, index: number): number => (seed + index * 1_000_003) % 2 ** 31;
