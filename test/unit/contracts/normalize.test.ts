import { describe, expect, it } from "vitest";
import { complaints, minimal, spec } from "../../support/parsed-experiment";

describe("aliases", () => {
  it("understands what peers write, in sections", () => {
    const { model, dataset, train, lora } = spec({
      name: "a",
      model: { base_model: "/m", torch_dtype: "bfloat16" },
      dataset: { path: "/d", sequence_len: 64, val_size: 0.2, sample_packing: true },
      train: { micro_batch_size: 3, num_epochs: 2, lr_scheduler: "linear", max_steps: -1 },
      lora: { lora_rank: 4, lora_target: "all", peft_use_rslora: true },
    });
    expect(model).toMatchObject({ model_name_or_path: "/m", dtype: "bfloat16" });
    expect(dataset).toMatchObject({ cutoff_len: 64, val_set_size: 0.2, packing: true });
    expect(train).toMatchObject({
      per_device_train_batch_size: 3,
      num_train_epochs: 2,
      lr_scheduler_type: "linear",
      max_steps: null,
    });
    expect(lora).toMatchObject({ r: 4, target_modules: "all-linear", use_rslora: true });
  });

  it("understands flat files", () => {
    const parsed = spec({
      name: "a",
      base_model: "/m",
      dataset: "/d.jsonl",
      lora_r: 8,
      lora_target_linear: true,
      learning_rate: 1e-3,
      max_length: 32,
      save_steps: 5,
      seed: 3,
    });
    expect(parsed.model.model_name_or_path).toBe("/m");
    expect(parsed.dataset).toMatchObject({ path: "/d.jsonl", cutoff_len: 32 });
    expect(parsed.lora).toMatchObject({ r: 8, target_modules: "all-linear" });
    expect(parsed.train).toMatchObject({ learning_rate: 1e-3, seed: 3 });
    expect(parsed.save.save_steps).toBe(5);
  });

  it("splits LLaMA-Factory's comma-separated targets", () => {
    expect(spec({ ...minimal, lora: { lora_target: "q_proj, v_proj" } }).lora.target_modules).toEqual([
      "q_proj",
      "v_proj",
    ]);
  });

  it("refuses the same setting under two names, where it was written the second time", () => {
    expect(complaints({ ...minimal, lora: { r: 4 }, lora_rank: 8 })).toEqual([
      "lora_rank: says the same as lora.r; keep one of the two",
    ]);
  });

  it("is not fooled by keys of Object.prototype", () => {
    expect(
      complaints(
        JSON.parse(
          `{"name":"a","base_model":"/m","dataset":"/d","lora":{"__proto__":1,"constructor":2},"toString":3}`,
        ),
      ),
    ).toEqual(
      expect.arrayContaining([
        expect.stringContaining("lora.constructor: unknown key"),
        expect.stringContaining("toString: unknown key"),
      ]),
    );
  });
});

describe("search space", () => {
  const space = (written: unknown) => spec({ ...minimal, search: { space: written } }).search.space;

  it.each([
    ["a bare list", { r: [4, 8] }, { r: { choice: [4, 8] } }],
    ["a single value", { r: 4 }, { r: { choice: [4] } }],
    ["W&B values", { lora_rank: { values: [4, 8] } }, { r: { choice: [4, 8] } }],
    ["W&B min and max", { lr: { min: 0.001, max: 0.01 } }, { learning_rate: { uniform: [0.001, 0.01] } }],
    ["W&B integers", { r: { min: 4, max: 16 } }, { r: { int: [4, 16] } }],
    [
      "W&B log scale",
      { learning_rate: { distribution: "log_uniform_values", min: 1e-4, max: 1e-3 } },
      { learning_rate: { loguniform: [1e-4, 1e-3] } },
    ],
    [
      "Optuna's log scale",
      { learning_rate: { low: 1e-4, high: 1e-3, log: true } },
      { learning_rate: { loguniform: [1e-4, 1e-3] } },
    ],
    ["a dotted key", { "train.warmup_ratio": [0, 0.1] }, { warmup_ratio: { choice: [0, 0.1] } }],
    [
      "targets",
      { lora_target: ["all", ["q_proj"]] },
      { target_modules: { choice: ["all-linear", ["q_proj"]] } },
    ],
    ["alpha by rank", { lora_alpha: [16, "2r"] }, { lora_alpha: { choice: [16, "2r"] } }],
  ])("accepts %s", (_name, written, expected) => {
    expect(space(written)).toEqual(expected);
  });

  it.each([
    ["an empty list", { r: [] }, "search.space.r: needs at least one value"],
    [
      "reversed bounds",
      { learning_rate: { loguniform: [1e-2, 1e-4] } },
      "search.space.learning_rate.loguniform: the lower bound must be below the upper bound",
    ],
    [
      "reversed W&B bounds",
      { lora_dropout: { min: 0.5, max: 0.1 } },
      "search.space.lora_dropout: the lower bound must be below the upper bound",
    ],
    [
      "bounds that no logarithm has",
      { learning_rate: { loguniform: [0, 1] } },
      "search.space.learning_rate.loguniform: a logarithmic range needs positive bounds",
    ],
    ["an unknown key", { ranks: [1] }, "search.space.ranks: cannot be searched over"],
    [
      "W&B exponents",
      { lr: { distribution: "log_uniform", min: -9, max: -5 } },
      "search.space.lr: log_uniform takes exponents",
    ],
    ["a value that does not fit", { r: [8, 0] }, "search.space.r.1: 0 does not fit r"],
    [
      "a text for a number",
      { learning_rate: ["fast"] },
      'search.space.learning_rate.0: "fast" does not fit learning_rate',
    ],
    ["fractions of a rank", { r: { uniform: [1, 2] } }, "search.space.r: r takes whole numbers; use int"],
    ["one key twice", { r: [1], lora_r: [2] }, "search.space.lora_r: r is there twice"],
    [
      "a shape of another world",
      { r: { poisson: 3 } },
      "search.space.r: expected a list of values or one of",
    ],
  ])("refuses %s", (_name, written, message) => {
    const found = complaints({ ...minimal, search: { space: written } });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(message);
  });

  it("refuses a grid over a range, and one of absurd size", () => {
    expect(
      complaints({
        ...minimal,
        search: { sampler: "grid", space: { learning_rate: { loguniform: [1e-4, 1e-3] } } },
      }),
    ).toEqual([
      "search.space.learning_rate: sampler grid needs a list of values for every key of search.space",
    ]);
    const huge = { r: { int: [1, 1000] }, per_device_train_batch_size: { int: [1, 1000] } };
    expect(complaints({ ...minimal, search: { sampler: "grid", space: huge } })[0]).toContain(
      "a grid of 1000000 points",
    );
  });
});
