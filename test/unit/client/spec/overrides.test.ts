import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { formatIssue, InvalidExperimentError } from "../../../../client/spec/issue";
import { loadExperimentFile } from "../../../../client/spec/load";
import { baseWeights } from "../../../support/safetensors";
import { scratchFolder } from "../../../support/scratch";

let folder: string;
beforeEach(() => {
  folder = scratchFolder();
  for (const name of ["base", "other"]) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "config.json"), '{"model_type": "llama"}');
    writeFileSync(join(folder, name, "model.safetensors"), baseWeights);
  }
  for (const name of ["rows.jsonl", "more.jsonl"])
    writeFileSync(join(folder, name), '{"prompt":"a","completion":"b"}\n');
});

const GOOD = "name: demo\nmodel: ./base\ndataset: rows.jsonl\n";

const load = (text: string, ...set: string[]) => {
  writeFileSync(join(folder, "e.yaml"), text);
  return loadExperimentFile("e.yaml", { cwd: folder, set }).spec;
};

function complaints(text: string, ...set: string[]): string[] {
  try {
    load(text, ...set);
  } catch (error) {
    if (error instanceof InvalidExperimentError) return error.issues.map(formatIssue);
    throw error;
  }
  return [];
}

describe("an override takes the place of the same key", () => {
  it.each([
    ["under an alias", "lora: {lora_r: 8}\n", "lora.r=4"],
    ["under our own name, the override by an alias", "lora: {r: 8}\n", "lora.rank=4"],
    ["under another alias", "lora: {lora_r: 8}\n", "lora.lora_rank=4"],
    ["flat", "lora_r: 8\n", "lora.r=4"],
    ["in its section, the override flat", "lora: {r: 8}\n", "lora_rank=4"],
    ["flat, the override the whole section", "lora_r: 8\n", "lora={r: 4}"],
  ])("%s", (_name, text, set) => {
    expect(load(`${GOOD}${text}`, set).lora.r).toBe(4);
  });

  it("and leaves the others of its section alone", () => {
    const { train } = load(`${GOOD}learning_rate: 1e-3\ntrain: {lr_scheduler: constant}\n`, "train.lr=2e-3");
    expect([train.learning_rate, train.lr_scheduler_type]).toEqual([2e-3, "constant"]);
  });

  it("in the search space too, whose section may have another name", () => {
    const space = (text: string, ...set: string[]) => load(`${GOOD}search: ${text}\n`, ...set).search.space;
    const expected = { learning_rate: { choice: [1e-3, 1e-4] } };
    expect(space("{space: {lr: [1, 2]}}", "search.space.learning_rate=[1e-3, 1e-4]")).toEqual(expected);
    expect(space("{parameters: {lr: [1, 2]}}", "search.space.learning_rate=[1e-3, 1e-4]")).toEqual(expected);
    expect(
      space("{space: {learning_rate: {loguniform: [1e-5, 1e-3]}}}", "parameters.lr.loguniform=[1e-4, 1e-3]"),
    ).toEqual({
      learning_rate: { loguniform: [1e-4, 1e-3] },
    });
  });

  it("the last one where several are about the same", () => {
    expect(load(GOOD, "lora.r=4", "lora.rank=8", "lora_r=16").lora.r).toBe(16);
  });
});

describe("a section written as a single value", () => {
  it("is taken apart for an override of another key of it", () => {
    const { model, dataset } = load(GOOD, "model.dtype=float32", "dataset.cutoff_len=64");
    expect([model.model_name_or_path, model.dtype]).toEqual([join(folder, "base"), "float32"]);
    expect([dataset.path, dataset.cutoff_len]).toEqual([join(folder, "rows.jsonl"), 64]);
  });

  it("is replaced by an override of the key that it stands for", () => {
    expect(load(GOOD, "model.base_model=./other").model.model_name_or_path).toBe(join(folder, "other"));
    expect(load(GOOD, "base_model=./other").model.model_name_or_path).toBe(join(folder, "other"));
    expect(load(GOOD, "model=./other").model.model_name_or_path).toBe(join(folder, "other"));
  });

  it("as an override replaces that key alone", () => {
    const { model } = load(GOOD.replace("./base", "{base_model: ./base, dtype: float32}"), "model=./other");
    expect([model.model_name_or_path, model.dtype]).toEqual([join(folder, "other"), "float32"]);
  });

  it("of several files has positions", () => {
    const two = GOOD.replace("rows.jsonl", "[{path: rows.jsonl}, {path: more.jsonl}]");
    const paths = (set: string) => {
      const { path } = load(two, set).dataset;
      return Array.isArray(path) && path.map(({ weight }) => weight);
    };
    expect(paths("dataset.1.weight=3")).toEqual([1, 3]);
    expect(paths("dataset.path.1.weight=3")).toEqual([1, 3]);
  });
});

describe("what is wrong is said of", () => {
  it("the override, where the value came from it", () => {
    expect(complaints(`${GOOD}lora: {lora_r: 8}\n`, "lora.r=none")).toEqual([
      expect.stringMatching(/^--set lora\.r=none lora\.r: expected a (whole )?number/),
    ]);
    expect(complaints(`${GOOD}search: {parameters: {lr: [1]}}\n`, "search.space.learning_rate=[]")).toEqual([
      expect.stringMatching(/^--set search\.space\.learning_rate=\[\] search\.\S+: needs at least one value/),
    ]);
  });

  it("the place in the file, where it did not", () => {
    const gone = GOOD.replace("./base", "./gone");
    expect(complaints(gone, "model.dtype=float32")).toEqual([
      expect.stringMatching(/^e\.yaml:2:1 model\.model_name_or_path: no such folder/),
    ]);
    expect(complaints(`${GOOD}lora:\n  lora_r: 8\n  lora_alpha: []\n`, "lora.r=4")).toEqual([
      expect.stringMatching(/^e\.yaml:6:3 lora\.lora_alpha: expected a number/),
    ]);
  });

  it("a key that the file itself has twice", () => {
    expect(complaints(`${GOOD}lora: {r: 8, lora_r: 4}\n`, "train.seed=1")).toEqual([
      "e.yaml:4:14 lora.lora_r: says the same as lora.r; keep one of the two",
    ]);
  });
});
