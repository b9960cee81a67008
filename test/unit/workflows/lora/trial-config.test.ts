import { describe, expect, test } from "vitest";
import {
  LoraSpec,
  type SearchableKey,
  searchableKeys,
  TrainSpec,
  TrialConfig,
} from "../../../../workflows/contracts";
import {
  replicateSeed,
  resolveAlpha,
  trialConfig,
  trialSteps,
} from "../../../../workflows/lora/trial-config";

const train = TrainSpec.parse({});
const lora = LoraSpec.parse({ lora_alpha: "2r" });

describe("a trial's configuration", () => {
  test.each([
    [32, 8, 32],
    ["2r", 8, 16],
    ["1.5r", 4, 6],
    ["0.5r", 64, 32],
  ])("alpha %s at rank %i is %d", (alpha, rank, expected) => {
    expect(resolveAlpha(alpha, rank)).toBe(expected);
  });

  test("alpha follows the rank of the trial, not the spec's", () => {
    const config = trialConfig({ train, lora }, { r: 4 }, 1);
    expect(config.lora).toMatchObject({ r: 4, lora_alpha: 8 });
  });

  const values: Record<SearchableKey, unknown> = {
    learning_rate: 0.5,
    per_device_train_batch_size: 3,
    gradient_accumulation_steps: 5,
    num_train_epochs: 7,
    max_steps: 11,
    lr_scheduler_type: "linear",
    warmup_ratio: 0.25,
    weight_decay: 0.75,
    adam_beta1: 0.6,
    adam_beta2: 0.7,
    max_grad_norm: 2,
    r: 13,
    lora_alpha: 17,
    lora_dropout: 0.125,
    target_modules: ["q_proj"],
    use_rslora: true,
    loraplus_lr_ratio: 16,
  };

  test.each(searchableKeys)("%s is put in its section, and nowhere else", (key) => {
    const config = trialConfig({ train, lora }, { [key]: values[key] as never }, train.seed);
    const section = key in lora ? "lora" : "train";
    const other = section === "lora" ? "train" : "lora";
    expect((config[section] as Record<string, unknown>)[key]).toEqual(values[key]);
    expect(config[other]).not.toHaveProperty(key);
    expect(TrialConfig.parse(config)).toEqual(config);
  });

  test("the spec is left as it was", () => {
    const before = JSON.stringify({ train, lora });
    trialConfig({ train, lora }, { r: 99, learning_rate: 1 }, 5);
    expect(JSON.stringify({ train, lora })).toBe(before);
  });
});

describe("a trial's length", () => {
  const steps = (change: object) => trialSteps(101, TrainSpec.parse({ ...train, ...change }));

  test("counts whole epochs, the last batch of which may be short", () => {
    // Eight rows a step: 101 rows make 13 of them.
    expect(steps({})).toBe(13);
    expect(steps({ num_train_epochs: 3 })).toBe(39);
    expect(steps({ num_train_epochs: 0.5 })).toBe(7);
    expect(steps({ per_device_train_batch_size: 8 })).toBe(4);
    expect(steps({ gradient_accumulation_steps: 1 })).toBe(51);
    expect(steps({ per_device_train_batch_size: 1_000_000 })).toBe(1);
  });

  test("a number of steps overrides epochs", () => {
    expect(steps({ max_steps: 42, num_train_epochs: 9 })).toBe(42);
  });
});

test("replicates have seeds of their own, within the allowed range", () => {
  const seeds = [0, 42, 2 ** 31 - 1].flatMap((seed) => [1, 2, 9].map((index) => replicateSeed(seed, index)));
  expect(new Set(seeds).size).toBe(seeds.length);
  for (const seed of seeds) expect(TrainSpec.parse({ seed }).seed).toBe(seed);
});
