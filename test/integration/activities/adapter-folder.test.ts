import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { adapterFacts } from "../../../activities/adapters/adapter-facts";
import { type VllmVerdict, vllmVerdict } from "../../../activities/adapters/vllm";
import { winnerView } from "../../../activities/report/data/winner";
import { exportAdapters, type Files, filesIn, python } from "../../support/exported-adapters";
import { finishedRun } from "../../support/finished-run";
import { scratchFolder } from "../../support/scratch";
import { freshStore } from "../../support/services";

/** A reader's process: runs each snippet in names of its own, and asks the model that it leaves. */
const READER = `
import json, sys, torch
torch.set_num_threads(1)
asked = json.load(sys.stdin)
told = []
for snippet in asked["snippets"]:
    names = {}
    exec(snippet, names)
    tokenizer, model = names["tokenizer"], names["model"]
    answers = []
    for prompt in asked["prompts"]:
        ids = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
        out = model.generate(**ids, max_new_tokens=5, do_sample=False)
        answers.append(tokenizer.decode(out[0, ids["input_ids"].shape[1]:], skip_special_tokens=True).strip())
    told.append(answers)
print(json.dumps(told))
`;

let exported: string;
beforeAll(() => {
  exported = mkdtempSync(join(tmpdir(), "belay-exported-"));
  exportAdapters(exported);
});
afterAll(() => rmSync(exported, { recursive: true, force: true }));

describe("the published folder", () => {
  it.each([
    { name: "plain", added: [] },
    { name: "added", added: ["<call>"] },
    { name: "added-untied", added: ["<call>"] },
  ])("$name: loads by the card's and the report's lines, and answers as the engine did", async (given) => {
    const place = scratchFolder();
    const base = join(exported, given.name, "base");
    const { run, stages, activities } = await publishable(given.name, place, given.added);
    stages.adapter = (await activities["artifact.publish"]({ run, stages })).adapter;
    const folder = join(place, "out", "adapter");
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(["tokenizer.json", "tokenizer_config.json"]));

    const card = readFileSync(join(folder, "README.md"), "utf8");
    expect(card).not.toContain(exported);
    const lines = /```python\n([\s\S]*?)\n```/.exec(card)?.[1] ?? "";
    const onCard = lines.replaceAll("path/to/the/base/model", base).replaceAll("path/to/this/folder", folder);
    const inReport = winnerView(run, { trial: 1, params: {} } as never, stages)?.python;
    const samples: { prompt: string; got: string }[] = JSON.parse(
      readFileSync(join(exported, given.name, "answers.json"), "utf8"),
    );
    const answers = samples.map(({ got }) => got);
    expect(new Set(answers).size).toBeGreaterThan(1);
    const asked = { snippets: [onCard, inReport], prompts: samples.map(({ prompt }) => prompt) };
    const told = execFileSync(python(), ["-c", READER], {
      cwd: place,
      input: JSON.stringify(asked),
      encoding: "utf8",
      stdio: ["pipe", "pipe", "pipe"],
    });
    expect(JSON.parse(told.trim().split("\n").at(-1) ?? "")).toEqual([answers, answers]);
  });
});

/** The same for a classifier: what its configuration calls the classes. */
const CLASSES = `
import json, sys
names = {}
exec(json.load(sys.stdin), names)
config = names["model"].config
print(json.dumps([config.num_labels, [config.id2label[index] for index in range(config.num_labels)]]))
`;

it("a classifier loads by the report's lines, and its answers have the names of the classes", async () => {
  const classes = ["c0", 'a "quoted" \\ name', "two\nlines | \u{1f600}"];
  const shapes = join(exported, "shapes");
  const at = join(shapes, "classifier", "checkpoint");
  const { "files.json": _index, ...adapter }: Files = filesIn(at);
  const { run, stages } = await finishedRun({
    adapter,
    experiment: {
      task: "sequence_classification",
      model: { model_name_or_path: join(shapes, "base") },
      search: { num_trials: 2, metric: "accuracy", mode: "max" },
    },
  });
  if (stages.dataset) stages.dataset.tokenised.classNames = classes;
  const snippet = winnerView(run, { trial: 1, params: {} } as never, stages)?.python;
  const told = execFileSync(python(), ["-c", CLASSES], {
    input: JSON.stringify(snippet?.replaceAll("out/adapter", at)),
    encoding: "utf8",
    stdio: ["pipe", "pipe", "pipe"],
  });
  expect(JSON.parse(told.trim().split("\n").at(-1) ?? "")).toEqual([3, classes]);
});

describe("what vLLM accepts, of adapters as the engine exports them", () => {
  it.each<[string, VllmVerdict]>([
    ["rank4", { maxLoraRank: 8 }],
    ["rank24", { maxLoraRank: 32 }],
    ["rslora", { maxLoraRank: 8 }],
    ["dora", { refusals: ["it is a DoRA adapter"] }],
    ["head", { refusals: ["it trains whole modules beside the low ranks (lm_head)"] }],
    ["added", { refusals: ["it trains whole modules beside the low ranks (lm_head, model.embed_tokens)"] }],
    [
      "classifier",
      {
        refusals: [
          "it has a classification head of its own (score), which releases without vllm-project/vllm#53555 refuse",
        ],
      },
    ],
  ])("%s", async (shape, verdict) => {
    const { store } = await freshStore();
    const files = Object.entries(filesIn(join(exported, "shapes", shape, "checkpoint")));
    const put = async ([path, bytes]: [string, Buffer]) => ({
      path,
      ref: await store.put(bytes, "application/octet-stream"),
    });
    expect(vllmVerdict(await adapterFacts(store, await Promise.all(files.map(put))))).toEqual(verdict);
  });
});

/** A finished run whose winner and tokenizer are those that were exported. */
async function publishable(name: string, place: string, added: string[]) {
  const at = join(exported, name);
  const { "files.json": _index, ...adapter }: Files = filesIn(join(at, "checkpoint"));
  const finished = await finishedRun({
    adapter,
    experiment: {
      model: { model_name_or_path: join(at, "base") },
      dataset: { path: join(at, "rows.jsonl"), add_tokens: added },
      output: { export_dir: join(place, "out") },
    },
  });
  const tokenizer = Object.entries(filesIn(join(at, "tokenizer")));
  const { dataset } = finished.stages;
  if (dataset)
    dataset.tokenizer = await Promise.all(
      tokenizer.map(async ([path, bytes]) => ({
        path,
        ref: await finished.store.put(bytes, "application/json"),
      })),
    );
  return finished;
}
