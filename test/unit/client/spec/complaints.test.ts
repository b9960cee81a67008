import { describe, expect, it } from "vitest";
import { experimentFolder, GOOD } from "../../../support/experiment-file";

const { complaints } = experimentFolder();

const bomb = (() => {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 9; i++)
    lines.push(
      `a${i}: &a${i} [${Array(9)
        .fill(`*a${i - 1}`)
        .join(", ")}]`,
    );
  return `${lines.join("\n")}\n`;
})();

describe("what is wrong with an experiment is said where it stands", () => {
  it.each<[string, string, string[]]>([
    ["an empty file", "", ["e.yaml:1:1: the file is empty"]],
    ["comments only", "# nothing\n", ["e.yaml:1:1: the file is empty"]],
    ["a list", "- a\n- b\n", ["e.yaml:1:1: expected keys and values, such as `name: my-search`"]],
    [
      "an alias bomb",
      bomb,
      [
        "e.yaml:1:5: its anchors and aliases (&name, *name) unfold into too much; at most 100 references are followed",
      ],
    ],
    [
      "an alias of itself",
      `${GOOD}train: &t {seed: *t}\n`,
      ["e.yaml:6:8: an alias refers to the value that it stands in"],
    ],
    [
      "an alias without anchor",
      `${GOOD}train: *nope\n`,
      ["e.yaml:6:8: no anchor &nope comes before the alias *nope"],
    ],
    [
      "endless nesting",
      `a: ${"[".repeat(50_000)}`,
      [expect.stringMatching(/^e\.yaml:1:\d+: nested too deeply$/)],
    ],
    [
      "a tag of other things",
      `${GOOD}description: !!binary aGk=\n`,
      [expect.stringContaining("experiments hold plain values only")],
    ],
    ["a key twice", `${GOOD}name: again\n`, ["e.yaml:6:1: this key is there twice"]],
    [
      "a second document",
      `${GOOD}---\nname: b\n`,
      ["e.yaml:6:1: a second document begins here; a file holds one experiment"],
    ],
    ["a tab", `${GOOD}train:\n\tseed: 1\n`, [expect.stringMatching(/^e\.yaml:7:1: not valid YAML: /)]],
    [
      "a name with a slash",
      GOOD.replace("demo", "a/b"),
      [expect.stringMatching(/^e\.yaml:1:1 name: expected letters, digits, '\.', '_' or '-'/)],
    ],
    [
      "an unknown key",
      `${GOOD}train:\n  learning_rat: 1\n`,
      ["e.yaml:7:3 train.learning_rat: unknown key; did you mean learning_rate?"],
    ],
    [
      "an unknown section",
      `${GOOD}serch:\n  seed: 1\n`,
      ["e.yaml:6:1 serch: unknown key; did you mean search?"],
    ],
    [
      "__proto__",
      `${GOOD}__proto__: {a: 1}\n`,
      [expect.stringMatching(/^e\.yaml:6:1 __proto__: unknown key/)],
    ],
    [
      "reversed bounds",
      `${GOOD}search:\n  space:\n    learning_rate: {loguniform: [1e-2, 1e-4]}\n`,
      [
        expect.stringMatching(
          /^e\.yaml:8:21 search\.space\.learning_rate\.loguniform: the lower bound must be below the upper bound/,
        ),
      ],
    ],
    [
      "an empty list",
      `${GOOD}search:\n  space:\n    r: []\n`,
      [expect.stringMatching(/^e\.yaml:8:5 search\.space\.r: needs at least one value/)],
    ],
    [
      "zero trials",
      `${GOOD}search:\n  num_trials: 0\n`,
      [expect.stringMatching(/^e\.yaml:7:3 search\.num_trials: needs at least one trial/)],
    ],
    [
      "a missing section",
      "name: x\nmodel:\n  model_name_or_path: ./base\n",
      [expect.stringMatching(/^e\.yaml:1:1 dataset: is missing/)],
    ],
    [
      "a missing key",
      "name: x\nmodel: {}\ndataset: train.jsonl\n",
      [expect.stringMatching(/^e\.yaml:2:1 model\.model_name_or_path: is missing/)],
    ],
    [
      "an alias key",
      `${GOOD}lora:\n  lora_rank: none\n`,
      [expect.stringMatching(/^e\.yaml:7:3 lora\.lora_rank: expected a (whole )?number/)],
    ],
    [
      "a missing data file",
      GOOD.replace("train.jsonl", "nowhere.jsonl"),
      [
        expect.stringMatching(
          /^e\.yaml:5:3 dataset\.path: no such file: \/.*\/nowhere\.jsonl \(relative paths are taken from \/.*\)$/,
        ),
      ],
    ],
    [
      "a missing model folder",
      GOOD.replace("./base", "./bas"),
      [expect.stringMatching(/^e\.yaml:3:3 model\.model_name_or_path: no such folder: /)],
    ],
    [
      "a file for a model",
      GOOD.replace("./base", "./train.jsonl"),
      [
        expect.stringMatching(
          /^e\.yaml:3:3 model\.model_name_or_path: .* is not a folder with a model in it$/,
        ),
      ],
    ],
    [
      "a missing file under another name",
      `name: x\nbase_model: ./bas\ndataset: gone.jsonl\n`,
      [
        expect.stringMatching(/^e\.yaml:2:1 base_model: no such folder: /),
        expect.stringMatching(/^e\.yaml:3:1 dataset: no such file: /),
      ],
    ],
  ])("%s", (_name, text, expected) => {
    expect(complaints(text)).toEqual(expected);
  });

  it("in the order of the file, an unknown key hiding nothing that stands elsewhere", () => {
    const text =
      "spaces: {r: [4]}\nname: x\nmodel: ./bas\ndataset: gone.jsonl\nsearch: {num_trails: 4, sampler: tpee}\n";
    expect(complaints(text)).toEqual([
      expect.stringMatching(/^e\.yaml:1:1 spaces: unknown key/),
      expect.stringMatching(/^e\.yaml:3:1 model: no such folder: /),
      expect.stringMatching(/^e\.yaml:4:1 dataset: no such file: /),
      expect.stringMatching(/^e\.yaml:5:10 search\.num_trails: unknown key/),
      expect.stringMatching(/^e\.yaml:5:25 search\.sampler: expected one of/),
    ]);
  });

  it("all at once, what fits no schema beside what is not there", () => {
    expect(complaints("name: a/b\nmodel: Qwen/Qwen3-0.6B\ndataset: gone.jsonl\n")).toEqual([
      expect.stringMatching(/^e\.yaml:1:1 name: /),
      expect.stringMatching(/^e\.yaml:2:1 model\.revision: Qwen\/Qwen3-0\.6B is a hub model/),
      expect.stringMatching(/^e\.yaml:3:1 dataset: no such file: /),
    ]);
  });

  it("all at once", () => {
    const found = complaints(
      "name: a b\nmodel:\n  dtype: float8\ndataset: {path: 7}\nsearch:\n  num_trials: 0\n  space:\n    r: []\n    x: [1]\nnonsense: 1\n",
    );
    const places = found.map((line) => line.split(" ")[0]?.replace(/:$/, ""));
    expect(places).toEqual(
      expect.arrayContaining([
        "e.yaml:1:1",
        "e.yaml:3:3",
        "e.yaml:2:1",
        "e.yaml:4:11",
        "e.yaml:6:3",
        "e.yaml:8:5",
        "e.yaml:9:5",
        "e.yaml:10:1",
      ]),
    );
  });

  it("and an override is named itself", () => {
    expect(complaints(GOOD, ["search.num_trials=0"])).toEqual([
      expect.stringMatching(/^--set search\.num_trials=0 search\.num_trials: needs at least one trial/),
    ]);
    expect(complaints(GOOD, ["serch.seed=1"])).toEqual([expect.stringMatching(/^--set serch\.seed=1/)]);
  });

  it.each([
    ["nothing", "--set nothing: expected key=value, such as search.num_trials=4"],
    ["=4", "--set =4: expected key=value, such as search.num_trials=4"],
    ["a..b=4", "--set a..b=4: the key has an empty part"],
    ["name.x=4", "--set name.x=4: name is a single value and has no parts"],
    ["train.seed=[1", expect.stringMatching(/^--set train\.seed=\[1: its value is not YAML: /)],
    ["train.seed=*a", "--set train.seed=*a: its value must not use YAML aliases"],
  ])("--set %s", (set, expected) => {
    expect(complaints(GOOD, [set])).toEqual([expected]);
  });
});
