import { describe, expect, it } from "vitest";
import { complaints, minimal, spec } from "../../support/parsed-experiment";

describe("complaints", () => {
  it("come all at once, each at the place its author wrote", () => {
    expect(
      complaints({
        name: "a/b",
        base_model: 7,
        dataset: { path: "/d", cutof_len: 5 },
        lerning_rate: 1,
        train: { lora_dropout: 0.1, lr_scheduler: "cosin", num_epochs: "two" },
        search: { num_trials: 0, sampler: "tpee" },
      }),
    ).toEqual([
      "name: expected letters, digits, '.', '_' or '-' (at most 63), starting with a letter or digit; got \"a/b\"",
      "base_model: expected a text, got 7",
      "dataset.cutof_len: unknown key; did you mean cutoff_len?",
      'train.num_epochs: expected a number, got "two"',
      'train.lr_scheduler: expected one of constant, linear, cosine, constant_with_warmup; got "cosin"; did you mean cosine?',
      "train.lora_dropout: unknown key; it belongs under lora",
      'search.sampler: expected one of random, grid, tpe, gp, cmaes; got "tpee"; did you mean tpe?',
      "search.num_trials: needs at least one trial; got 0",
      "lerning_rate: unknown key; did you mean train.learning_rate?",
    ]);
  });

  it.each([
    [null, "expected an experiment"],
    [[1], "expected an experiment"],
    [{}, "name: is missing"],
    [{ ...minimal, model: 3 }, "model: expected a mapping, got 3"],
    [{ ...minimal, dataset: { path: [{ file: "x" }] } }, "dataset.path.0.path: is missing"],
    [{ ...minimal, search: { space: 5 } }, "search.space: expected auto, or ranges by key"],
    [{ ...minimal, lora: { lora_alpha: "two" } }, "lora.lora_alpha"],
    [
      { ...minimal, search: { metric: "exact_mach" } },
      "search.metric: exact_mach is not a metric; did you mean exact_match?",
    ],
    [
      { ...minimal, search: { metric: "f1" }, eval: { metrics: ["eval_loss"] } },
      "search.metric: f1 is not computed: add it to eval.metrics",
    ],
    [{ ...minimal, search: { metric: "f1", mode: "min" } }, "search.mode: f1 is better when it is larger"],
    [
      { ...minimal, search: { metric: "exact_match", pruner: "asha" } },
      "search.pruner: asha judges trials before their end, but exact_match needs generation",
    ],
    [
      { ...minimal, search: { metric: "accuracy" } },
      "search.metric: accuracy does not exist for task causal_lm",
    ],
    [
      { ...minimal, task: "sequence_classification", dataset: { path: "/d", type: "alpaca" } },
      "dataset.type: alpaca has no labels",
    ],
    [
      { ...minimal, dataset: { path: "/d", val_set_size: 0 } },
      "dataset.val_set_size: is 0 and there is no val_path",
    ],
    [
      { ...minimal, dataset: { path: "/d", val_set_size: 0.6, test_set_size: 0.5 } },
      "nothing is left to train on",
    ],
    [
      { ...minimal, dataset: { path: "/d", val_set_size: 1.5 } },
      "expected a share below 1 or a whole number of rows; got 1.5",
    ],
    [{ ...minimal, output: { format: "gguf" } }, "output.format: gguf cannot be exported yet"],
    [{ ...minimal, placement: { backend: "ssh" } }, "placement.backend: ssh is not supported yet"],
    [{ ...minimal, placement: { backend: "local" } }, "placement.backend: local has no trainer"],
    [{ ...minimal, placement: { host: "a" } }, "placement.host: a host cannot be chosen yet"],
  ])("%#: %j", (raw, message) => {
    const found = complaints(raw);
    expect(found.join("\n")).toContain(message);
  });

  it("name what contradicts another setting in the same round as what fits no schema", () => {
    const found = complaints({
      ...minimal,
      name: "a/b",
      task: "sequence_classification",
      train: { max_stepz: 3 },
      eval: { metrics: ["exact_match"] },
      output: { format: "gguf" },
    });
    expect(found).toEqual([
      expect.stringMatching(/^name: expected letters/),
      expect.stringMatching(/^train.max_stepz: .*max_steps/),
      expect.stringMatching(/^search.metric: eval_loss is not computed/),
      "eval.metrics.0: exact_match does not exist for task sequence_classification",
      expect.stringMatching(/^output.format: gguf cannot be exported yet/),
    ]);
  });

  it("name every fault of a search space, those against the schema and those against the keys", () => {
    const found = complaints({
      ...minimal,
      search: {
        sampler: "grid",
        space: {
          learning_rate: { loguniform: [1e-2, 1e-4] },
          r: [4, -8],
          lora_dropuot: [0],
          warmup_ratio: { uniform: [0, 0.5] },
        },
      },
    });
    expect(found).toEqual([
      expect.stringMatching(/^search.space.learning_rate.loguniform: the lower bound must be below/),
      "search.space.lora_dropuot: cannot be searched over; did you mean lora_dropout?",
      expect.stringMatching(/^search.space.r.1: -8 does not fit r/),
      expect.stringMatching(/^search.space.warmup_ratio: sampler grid needs a list/),
    ]);
  });

  it("leave out what only a faulty setting could cause", () => {
    expect(complaints({ ...minimal, search: { sampler: "cmaes", space: { r: { int: [8, 4] } } } })).toEqual([
      expect.stringMatching(/^search.space.r/),
    ]);
    expect(
      complaints({ name: "a", dataset: { path: "/d", val_set_size: "much", test_set_size: 0 } }),
    ).toEqual([
      expect.stringMatching(/^model/),
      expect.stringMatching(/^dataset.val_set_size/),
      expect.stringMatching(/^dataset.test_set_size: is 0/),
    ]);
    expect(complaints("no experiment")).toHaveLength(1);
  });

  it("takes an empty section as all defaults, and the direction from the metric", () => {
    const parsed = spec({ ...minimal, lora: null, search: { metric: "exact_match" } });
    expect(parsed.lora.r).toBe(16);
    expect(parsed.search.mode).toBe("max");
  });
});
