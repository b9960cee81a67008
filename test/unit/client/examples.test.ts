import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatIssue, InvalidExperimentError } from "../../../client/spec/issue";
import { loadExperimentFile } from "../../../client/spec/load";
import { repositoryRoot } from "../../../infra/setup/home.mjs";
import { baseWeights } from "../../support/safetensors";

const experiments = join(repositoryRoot(), "experiments");
const examples = readdirSync(experiments).filter((name) => name.endsWith(".yaml"));

/** What is not in the repository because a command makes it. Whether it is there is all that is looked at here. */
const madeByCommands = [
  ".belay/quickstart/base/config.json",
  ".belay/quickstart/base/model.safetensors",
  ".belay/quickstart/data/train.jsonl",
  ".belay/quickstart/data/validation.jsonl",
  ".belay/quickstart/data/test.jsonl",
  ".belay/intent-minilm/base/config.json",
  ".belay/intent-minilm/base/model.safetensors",
  ".belay/intent-minilm/data/intents.csv",
];

function contentOf(file: string): string | Buffer {
  if (file.endsWith(".safetensors")) return baseWeights;
  return file.endsWith(".json") ? "{}" : "";
}

let checkout: string;
beforeAll(() => {
  checkout = mkdtempSync(join(tmpdir(), "belay-examples-"));
  cpSync(experiments, join(checkout, "experiments"), { recursive: true });
  for (const file of madeByCommands) {
    mkdirSync(dirname(join(checkout, file)), { recursive: true });
    writeFileSync(join(checkout, file), contentOf(file));
  }
});
afterAll(() => rmSync(checkout, { recursive: true, force: true }));

/** What `belay validate` says of an example, once a piece of it has been replaced. */
function complaints(name: string, piece = "", replacement = ""): string[] {
  const file = join("experiments", `altered-${name}`);
  writeFileSync(join(checkout, file), textOf(name).replace(piece, replacement));
  try {
    loadExperimentFile(file, { cwd: checkout });
  } catch (error) {
    if (error instanceof InvalidExperimentError) return error.issues.map(formatIssue);
    throw error;
  }
  return [];
}

const textOf = (name: string): string => readFileSync(join(experiments, name), "utf8");

/** Line and column of the first letter of a piece, as an editor counts them. */
function placeOf(name: string, piece: string): string {
  const before = textOf(name).split(piece)[0] as string;
  const lines = before.split("\n");
  const blanks = piece.length - piece.trimStart().length;
  return `${lines.length}:${(lines.at(-1) as string).length + blanks + 1}`;
}

/** A mistake that the schema finds, one of spelling, one against a rule between settings, one about this machine. */
const mistakes = [
  ["sampler: tpe", "sampler: none", "search.sampler: expected one of random, grid, tpe, gp, cmaes"],
  ["cutoff_len:", "cutof_len:", "dataset.cutof_len: unknown key; did you mean cutoff_len?"],
  ["mode: min", "mode: max", "search.mode: eval_loss is better when it is smaller"],
  ["  path: ", "  path: no-", "dataset.path: no such file: "],
] as const;

test("there are the three examples that were promised", () => {
  expect(examples.sort()).toEqual(["intent-minilm.yaml", "quickstart.yaml", "qwen3-sft.yaml"]);
});

describe.each(examples)("experiments/%s", (name) => {
  test("is a valid experiment", () => {
    expect(complaints(name)).toEqual([]);
  });

  test.each(mistakes)("with %j made %j: is refused at its line and column", (piece, replacement, message) => {
    const place = `experiments/altered-${name}:${placeOf(name, piece)}`;
    expect(complaints(name, piece, replacement)).toEqual([expect.stringContaining(`${place} ${message}`)]);
  });
});
