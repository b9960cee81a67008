import { z } from "zod";

const bounds = z.tuple([z.number(), z.number()]);
const reversed = { error: "the lower bound must be below the upper bound" };
const ordered = (pair: [number, number]) => pair[0] < pair[1];
const positive = { error: "a logarithmic range needs positive bounds" };

export const Choice = z.union([z.number(), z.string(), z.boolean(), z.null(), z.array(z.string())]);
export type Choice = z.infer<typeof Choice>;

/** One dimension of the search space. Experiment files may also use a bare list, or W&B's {values} and {min,max,distribution}. */
export const Distribution = z
  .union([
    z.strictObject({ uniform: bounds.refine(ordered, reversed) }),
    z.strictObject({ loguniform: bounds.refine(ordered, reversed).refine((b) => b[0] > 0, positive) }),
    z.strictObject({ int: z.tuple([z.int(), z.int()]).refine(ordered, reversed) }),
    z.strictObject({
      logint: z
        .tuple([z.int(), z.int()])
        .refine(ordered, reversed)
        .refine((b) => b[0] > 0, positive),
    }),
    z.strictObject({ choice: z.array(Choice).min(1, "needs at least one value") }),
  ])
  .meta({ id: "Distribution" });
export type Distribution = z.infer<typeof Distribution>;

/** Keys of `train` and `lora` that a search may vary. */
export const searchableKeys = [
  "learning_rate",
  "per_device_train_batch_size",
  "gradient_accumulation_steps",
  "num_train_epochs",
  "max_steps",
  "lr_scheduler_type",
  "warmup_ratio",
  "weight_decay",
  "adam_beta1",
  "adam_beta2",
  "max_grad_norm",
  "r",
  "lora_alpha",
  "lora_dropout",
  "target_modules",
  "use_rslora",
  "loraplus_lr_ratio",
] as const;
export type SearchableKey = (typeof searchableKeys)[number];

export const SearchSpace = z.partialRecord(z.enum(searchableKeys), Distribution).meta({ id: "SearchSpace" });
export type SearchSpace = z.infer<typeof SearchSpace>;

export const SearchSpec = z
  .strictObject({
    sampler: z
      .enum(["random", "grid", "tpe", "gp", "cmaes"])
      .default("tpe")
      .describe("How parameters are proposed."),
    pruner: z
      .enum(["none", "median", "asha", "hyperband"])
      .default("none")
      .describe("How poor trials are ended early."),
    num_trials: z
      .int()
      .positive("needs at least one trial")
      .max(10_000)
      .default(32)
      .describe("Trials to run."),
    max_concurrent_trials: z
      .int()
      .positive()
      .max(256)
      .default(8)
      .describe("Trials under way at once, at most."),
    wave_size: z
      .int()
      .positive()
      .max(256)
      .nullable()
      .default(null)
      .describe(
        "Trials proposed together: when deterministic, once the wave before has ended; else once all of them can start, " +
          "and never more than may run at once. Default: max_concurrent_trials when deterministic, else as many as there " +
          "are free places with random and grid, 1 with tpe, gp and cmaes.",
      ),
    n_startup_trials: z
      .int()
      .nonnegative()
      .nullable()
      .default(null)
      .describe("Random trials before the sampler's model is used; default: min(10, half of num_trials)."),
    deterministic: z
      .boolean()
      .default(false)
      .describe("Waves and synchronous rungs, so that a repeat makes the same proposals and verdicts."),
    replicates: z
      .int()
      .positive()
      .max(10)
      .default(1)
      .describe(
        "Seeds per finalist: above 1, the top three trials are rerun with new seeds and judged by their mean.",
      ),
    seed: z
      .int()
      .min(0)
      .max(2 ** 31 - 1)
      .default(7)
      .describe("Seed of the proposals and of the splits."),
    metric: z.string().default("eval_loss").describe("The objective, measured on validation rows."),
    mode: z.enum(["min", "max"]).default("min").describe("Whether a smaller or a larger metric is better."),
    stop: z
      .strictObject({
        gpu_hours: z
          .number()
          .positive()
          .nullable()
          .default(null)
          .describe("Start no further trial after this much training time."),
        patience: z
          .int()
          .positive()
          .nullable()
          .default(null)
          .describe("Start no further trial after this many without an improvement."),
      })
      .prefault({}),
    space: z
      .union([z.literal("auto"), SearchSpace])
      .default("auto")
      .describe("Ranges by key; auto proposes them from the data set and the model, with reasons."),
    asha: z
      .strictObject({
        grace_steps: z.int().positive().default(50).describe("Steps before the first verdict."),
        reduction_factor: z
          .int()
          .min(2)
          .default(3)
          .describe("One in this many survives a rung (at least one)."),
      })
      .prefault({}),
    median: z
      .strictObject({
        grace_steps: z.int().positive().default(50).describe("Steps before the first verdict."),
        min_trials: z.int().positive().default(4).describe("Trials seen at a rung before the median counts."),
      })
      .prefault({}),
  })
  .meta({ id: "SearchSpec" });
export type SearchSpec = z.infer<typeof SearchSpec>;

/** Samplers whose proposals do not depend on what was told, nor on what is pending. */
export const isModelFree = (sampler: SearchSpec["sampler"]): boolean =>
  sampler === "random" || sampler === "grid";
