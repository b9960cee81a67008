import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { formatIssue, InvalidExperimentError } from "../../../../client/spec/issue";
import { loadExperimentFile } from "../../../../client/spec/load";
import { baseWeights } from "../../../support/safetensors";
import { scratchFolder } from "../../../support/scratch";

const NOBODY = 65_534;

/** As an account that permissions bind: root may read everything. */
function asAnybody<T>(act: () => T): T {
  if (process.geteuid?.() !== 0) return act();
  process.seteuid?.(NOBODY);
  try {
    return act();
  } finally {
    process.seteuid?.(0);
  }
}

let folder: string;
beforeEach(() => {
  folder = scratchFolder();
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, "base"));
  writeFileSync(join(folder, "base", "config.json"), '{"model_type": "llama"}');
  writeFileSync(join(folder, "base", "model.safetensors"), baseWeights);
  for (const name of ["rows.jsonl", "val.jsonl"]) writeFileSync(join(folder, name), "");
});

function complaints(dataset: string): string[] {
  writeFileSync(join(folder, "e.yaml"), `name: demo\nmodel: ./base\ndataset: ${dataset}\n`);
  try {
    asAnybody(() => loadExperimentFile("e.yaml", { cwd: folder }));
  } catch (error) {
    if (error instanceof InvalidExperimentError) return error.issues.map(formatIssue);
    throw error;
  }
  return [];
}

describe("an input that may not be read is named where it stands", () => {
  it("with the weights of a base and each file of rows", () => {
    expect(complaints("{path: rows.jsonl, val_path: val.jsonl}")).toEqual([]);
    for (const name of ["base/model.safetensors", "rows.jsonl", "val.jsonl"])
      chmodSync(join(folder, name), 0);
    expect(complaints("{path: rows.jsonl, val_path: val.jsonl}")).toEqual([
      `e.yaml:2:1 model: ${join(folder, "base/model.safetensors")} cannot be read (EACCES)`,
      `e.yaml:3:11 dataset.path: ${join(folder, "rows.jsonl")} cannot be read (EACCES)`,
      `e.yaml:3:29 dataset.val_path: ${join(folder, "val.jsonl")} cannot be read (EACCES)`,
    ]);
  });

  it("and so is one that has no name", () => {
    expect(complaints('{path: rows.jsonl, val_path: "", template: ""}')).toEqual([
      "e.yaml:3:29 dataset.val_path: must not be empty",
      "e.yaml:3:43 dataset.template: must not be empty",
    ]);
  });
});
