import { join } from "node:path";
import type { ExperimentInput } from "../../../workflows/contracts";

/** Optimizer steps between checkpoints, and so the most that a fault may cost a trial. */
export const saveSteps = 10;
export const totalSteps = 100;

/**
 * A search in deterministic mode over the tiny base: trials in two waves, the second proposed by a model of the first,
 * judged after a quarter and a half of their steps. All of it is a function of this spec, so two runs that differ in a
 * fault must end alike.
 */
export function tinySearch(
  inputs: string,
  changes: { trials?: number; steps?: number } = {},
): ExperimentInput {
  const { trials = 4, steps = totalSteps } = changes;
  const wave = trials / 2;
  return {
    name: "resilience",
    model: { model_name_or_path: join(inputs, "base"), dtype: "float32" },
    dataset: {
      path: join(inputs, "train.jsonl"),
      val_path: join(inputs, "validation.jsonl"),
      test_path: join(inputs, "test.jsonl"),
      cutoff_len: 64,
    },
    train: {
      max_steps: steps,
      per_device_train_batch_size: 8,
      gradient_accumulation_steps: 1,
      full_determinism: true,
      seed: 3,
    },
    lora: { lora_alpha: "2r" },
    search: {
      sampler: "tpe",
      n_startup_trials: wave,
      pruner: "asha",
      num_trials: trials,
      max_concurrent_trials: trials,
      wave_size: wave,
      deterministic: true,
      seed: 5,
      space: { learning_rate: { loguniform: [1e-3, 2e-2] }, r: { choice: [2, 4] } },
      asha: { grace_steps: Math.floor(steps / 4), reduction_factor: 2 },
    },
    eval: { eval_steps: Math.floor(steps / 4), metrics: ["eval_loss", "token_accuracy"] },
    save: { save_steps: saveSteps },
  };
}
