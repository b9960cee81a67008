import { z } from "zod";

export const SchedulerType = z
  .enum(["constant", "linear", "cosine", "constant_with_warmup"])
  .meta({ id: "SchedulerType" });

export const TrainSpec = z
  .strictObject({
    per_device_train_batch_size: z.int().positive().default(2).describe("Rows per micro-batch."),
    gradient_accumulation_steps: z.int().positive().default(4).describe("Micro-batches per optimizer step."),
    num_train_epochs: z
      .number()
      .positive()
      .default(1)
      .describe("Passes over the training rows, unless max_steps is set."),
    max_steps: z
      .int()
      .positive()
      .nullable()
      .default(null)
      .describe("Optimizer steps; overrides num_train_epochs."),
    learning_rate: z
      .number()
      .positive()
      .default(2e-4)
      .describe("Peak rate. LoRA wants about ten times that of full fine-tuning."),
    lr_scheduler_type: SchedulerType.default("cosine").describe("How the rate goes after the warm-up."),
    warmup_ratio: z.number().min(0).max(1).default(0.03).describe("Share of the steps spent warming up."),
    optim: z.enum(["adamw_torch"]).default("adamw_torch").describe("Optimizer."),
    weight_decay: z.number().nonnegative().default(0).describe("Decoupled weight decay."),
    adam_beta1: z.number().min(0).lt(1).default(0.9).describe("Decay of the first moment."),
    adam_beta2: z.number().min(0).lt(1).default(0.999).describe("Decay of the second moment."),
    adam_epsilon: z.number().positive().default(1e-8).describe("Added to the denominator of the update."),
    max_grad_norm: z
      .number()
      .positive()
      .nullable()
      .default(1)
      .describe("Clip each trial's gradient norm; null: never."),
    seed: z
      .int()
      .min(0)
      .max(2 ** 31 - 1)
      .default(42)
      .describe("Seed of initial weights, dropout and row order."),
    full_determinism: z
      .boolean()
      .default(false)
      .describe("Bit-identical repeats on the same machine; needed for verification level L3."),
  })
  .meta({ id: "TrainSpec" });
export type TrainSpec = z.infer<typeof TrainSpec>;

/** Rank and alpha may be tied: `lora_alpha: 2r` follows the rank. */
export const AlphaSpec = z.union([
  z.number().positive(),
  z.string().regex(/^\d+(\.\d+)?r$/, "expected a number, or a multiple of the rank such as 2r"),
]);

export const LoraSpec = z
  .strictObject({
    r: z.int().min(1).default(16).describe("Rank."),
    lora_alpha: AlphaSpec.default(32).describe(
      "Scaling numerator; a number, or a multiple of the rank such as 2r.",
    ),
    lora_dropout: z.number().min(0).lt(1).default(0).describe("Dropout on the adapter's input."),
    target_modules: z
      .union([z.literal("all-linear"), z.array(z.string().min(1)).min(1)])
      .default("all-linear")
      .describe("Layers to adapt: all-linear, or name suffixes such as q_proj."),
    modules_to_save: z
      .array(z.string())
      .nullable()
      .default(null)
      .describe("Modules trained and saved whole beside the adapter."),
    init_lora_weights: z
      .boolean()
      .default(true)
      .describe("Start as PEFT does: A random, B zero, so that training starts from the base itself."),
    use_rslora: z.boolean().default(false).describe("Scale by alpha/sqrt(r) instead of alpha/r."),
    use_dora: z.boolean().default(false).describe("Weight-decomposed LoRA."),
    loraplus_lr_ratio: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe("LoRA+: the rate of B over the rate of A."),
  })
  .meta({ id: "LoraSpec" });
export type LoraSpec = z.infer<typeof LoraSpec>;
