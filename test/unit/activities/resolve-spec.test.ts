import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../../activities/artifacts/object-store";
import { createSpecActivities } from "../../../activities/spec";
import { resolveSpec } from "../../../activities/spec/resolve";
import { canonicalJson } from "../../../workflows/contracts/canonical-json";
import { failureOf } from "../../support/activity";
import { baseWeights } from "../../support/safetensors";
import { scratchFolder } from "../../support/scratch";

const code = { version: "0.1.0", commit: null, dirty: false };

/** A base model's folder and a data set, as resolve looks at them: by name and content, never by loading. */
function inputs() {
  const folder = scratchFolder();
  const model = join(folder, "model");
  mkdirSync(model);
  const put = (name: string, text: string | Buffer) => writeFileSync(join(folder, name), text);
  put("model/config.json", '{"model_type":"llama"}');
  put("model/model.safetensors", baseWeights);
  put("model/tokenizer.json", "{}");
  put("rows.jsonl", '{"prompt":"a","completion":"b"}\n');
  const spec = {
    name: "a",
    model: { model_name_or_path: model },
    dataset: { path: join(folder, "rows.jsonl") },
  };
  return { folder, model, put, spec };
}

const resolve = (spec: unknown) => resolveSpec(spec, code);

describe("spec.resolve", () => {
  it("completes the experiment and hashes what it reads", async () => {
    const { model, spec, put, folder } = inputs();
    put("model/pytorch_model.bin", "a pickle beside the weights that are used");
    put("model/.hidden", "x");
    put("val.jsonl", "{}\n");
    const resolved = await resolve({
      ...spec,
      dataset: { ...spec.dataset, val_path: join(folder, "val.jsonl") },
    });
    expect(resolved.modelFiles).toEqual(
      [
        ["config.json", '{"model_type":"llama"}'],
        ["model.safetensors", baseWeights],
        ["tokenizer.json", "{}"],
      ].map(([name, text]) => ({
        path: join(model, name as string),
        sha256: sha256(text as string),
        sizeBytes: (text as string).length,
      })),
    );
    expect(resolved.datasetFiles.map(({ path }) => path)).toEqual([
      spec.dataset.path,
      join(folder, "val.jsonl"),
    ]);
    expect(resolved.specSha256).toBe(sha256(canonicalJson(resolved.spec)));
    expect(resolved.spec.eval).toMatchObject({
      metrics: ["eval_loss", "perplexity", "token_accuracy"],
      report_metric: "eval_loss",
    });
    expect(resolved.spec.search).toMatchObject({ wave_size: 1, n_startup_trials: 10 });
    const random = await resolve({ ...spec, search: { sampler: "random" } });
    expect(random.spec.search.wave_size).toBeNull();
    expect(resolved.code).toEqual(code);
  });

  it("gives equal experiments equal hashes, however they are written", async () => {
    const { spec, model } = inputs();
    const one = await resolve(spec);
    const other = await resolve({
      dataset: spec.dataset.path,
      lora_r: 16,
      name: "a",
      base_model: model,
      search: { n_startup_trials: 10 },
    });
    expect(other.specSha256).toBe(one.specSha256);
    expect((await resolve({ ...spec, lora: { r: 8 } })).specSha256).not.toBe(one.specSha256);
  });

  it("says what follows from other settings", async () => {
    const { spec } = inputs();
    const search = { metric: "exact_match", deterministic: true, max_concurrent_trials: 4 };
    const { spec: complete } = await resolve({ ...spec, search, eval: { metrics: ["exact_match"] } });
    expect(complete.eval.metrics).toEqual(["exact_match"]);
    expect(complete.eval.report_metric).toBe("exact_match");
    expect(complete.search).toMatchObject({ mode: "max", wave_size: 4 });
  });

  it("sees that a file has changed since it was hashed", async () => {
    const { spec, put } = inputs();
    const [before] = (await resolve(spec)).datasetFiles;
    put("rows.jsonl", '{"prompt":"a","completion":"something longer"}\n');
    const [after] = (await resolve(spec)).datasetFiles;
    expect(after?.sha256).not.toBe(before?.sha256);
  });

  it("takes a pinned hub model as it is", async () => {
    const { spec } = inputs();
    const model = { model_name_or_path: "Qwen/Qwen3-0.6B", revision: "c".repeat(40) };
    expect((await resolve({ ...spec, model })).modelFiles).toEqual([]);
  });
});

describe("refusals of an experiment", () => {
  it("name everything at once, what only this machine can tell included", async () => {
    const failed = await failureOf(resolve({ name: "a/b", search: { num_trials: 0 } }));
    expect(failed).toMatchObject({ type: "InvalidSpec", nonRetryable: true });
    expect(failed.message.split("\n")).toHaveLength(4);
    const mixed = { name: "a/b", model: "Qwen/Qwen3-0.6B", dataset: "/nowhere/rows.jsonl" };
    const { message } = await failureOf(resolve(mixed));
    expect(message.split("\n")).toEqual([
      expect.stringMatching(/^name: /),
      "dataset: no such file: /nowhere/rows.jsonl",
      expect.stringMatching(/^model.revision: Qwen.Qwen3-0.6B is a hub model/),
    ]);
  });

  it.each([
    [
      "an option of a later version",
      { output: { format: "gguf" } },
      "Unsupported",
      "output.format: gguf cannot be exported yet",
    ],
    [
      "a mistake beside one",
      { output: { format: "gguf" }, lora: { r: 0 } },
      "InvalidSpec",
      "lora.r: must be at least 1",
    ],
    [
      "an unpinned hub model",
      { model: { model_name_or_path: "Qwen/Qwen3-0.6B" } },
      "InvalidSpec",
      "model.revision: Qwen/Qwen3-0.6B is a hub model",
    ],
    [
      "a branch for a revision",
      { model: { model_name_or_path: "Qwen/Qwen3-0.6B", revision: "main" } },
      "InvalidSpec",
      "pin its commit (40 hex digits",
    ],
    [
      "a relative model folder",
      { model: { model_name_or_path: "./model" } },
      "InvalidSpec",
      "model.model_name_or_path: ./model is a relative path",
    ],
    [
      "a relative data set",
      { dataset: { path: "rows.jsonl" } },
      "InvalidSpec",
      "dataset.path: rows.jsonl is a relative path",
    ],
    [
      "a missing data set",
      { dataset: { path: "/no/such/rows.jsonl" } },
      "InvalidSpec",
      "dataset.path: no such file: /no/such/rows.jsonl",
    ],
    ["a folder for a data set", { dataset: { path: "/" } }, "InvalidSpec", "dataset.path: / is not a file"],
    [
      "a missing part of a mixture",
      { dataset: { path: [{ path: "/no/a" }, { path: "/no/b" }] } },
      "InvalidSpec",
      "dataset.path.1.path: no such file: /no/b",
    ],
    [
      "a relative export folder",
      { output: { export_dir: "out" } },
      "InvalidSpec",
      "output.export_dir: out is a relative path",
    ],
    [
      "an export folder that cannot be",
      { output: { export_dir: "/dev/null/out" } },
      "InvalidSpec",
      "output.export_dir: /dev/null",
    ],
    [
      "a missing model",
      { model: { model_name_or_path: "/no/such/model" } },
      "ModelUnavailable",
      "model.model_name_or_path: no such folder: /no/such/model",
    ],
  ])("%s", async (_what, change, type, message) => {
    const { spec } = inputs();
    const failed = await failureOf(resolve({ ...spec, ...change }));
    expect(failed.message).toContain(message);
    expect(failed).toMatchObject({ type, nonRetryable: true });
  });

  it.each(["team a/run #1?", "../out", "", "a".repeat(129)])(
    "a workflow id that no run can have: %j",
    async (run) => {
      const activities = createSpecActivities({ code });
      const failed = await failureOf(activities["spec.resolve"]({ run, spec: inputs().spec }));
      expect(failed).toMatchObject({ type: "InvalidSpec", nonRetryable: true });
      expect(failed.message).toContain("a run's id has letters, digits, '.', '_' or '-'");
    },
  );

  it("an export folder of which a part that is wanted holds something else", async () => {
    const folder = scratchFolder();
    mkdirSync(join(folder, "merged"));
    writeFileSync(join(folder, "merged", "notes.txt"), "a person's own");
    const { spec } = inputs();
    const failed = await failureOf(resolve({ ...spec, output: { export_dir: folder, merge: "best" } }));
    expect(failed.message).toContain(
      `${join(folder, "merged")}: it exists and holds something else (notes.txt)`,
    );
    const unmerged = await resolve({ ...spec, output: { export_dir: folder, merge: "none" } });
    expect(unmerged.spec.output.merge).toBe("none");
  });

  it("of data and model are told together, beside what the spec itself has wrong", async () => {
    const { spec, model } = inputs();
    rmSync(join(model, "model.safetensors"));
    const missing = { ...spec, dataset: { path: "/no/such/rows.jsonl" } };
    const told = ["dataset.path: no such file", "has no *.safetensors weights"];
    for (const wrong of [missing, { ...missing, search: { num_trials: 0 } }]) {
      const failed = await failureOf(resolve(wrong));
      expect(failed).toMatchObject({ type: "InvalidSpec", nonRetryable: true });
      for (const words of told) expect(failed.message).toContain(words);
    }
  });

  it("an empty data set", async () => {
    const { spec, put } = inputs();
    put("rows.jsonl", "");
    expect((await failureOf(resolve(spec))).message).toBe(`dataset.path: ${spec.dataset.path} is empty`);
  });
});

describe("refusals of a base model", () => {
  const refusal = async (prepare: (at: ReturnType<typeof inputs>) => void) => {
    const at = inputs();
    prepare(at);
    const failed = await failureOf(resolve(at.spec));
    expect(failed).toMatchObject({ type: "ModelUnavailable", nonRetryable: true });
    return failed.message;
  };
  const drop = (model: string, name: string) => rmSync(join(model, name));

  it.each([
    [
      "a file",
      ({ model, put }: ReturnType<typeof inputs>) => {
        rmSync(model, { recursive: true });
        put("model", "x");
      },
      "is not a folder with a model in it",
    ],
    ["no config", ({ model }: ReturnType<typeof inputs>) => drop(model, "config.json"), "has no config.json"],
    [
      "a config that is no JSON",
      ({ put }: ReturnType<typeof inputs>) => put("model/config.json", "{"),
      "config.json cannot be read as JSON",
    ],
    [
      "no weights",
      ({ model }: ReturnType<typeof inputs>) => drop(model, "model.safetensors"),
      "has no *.safetensors weights",
    ],
    [
      "a shard that is missing",
      ({ put }: ReturnType<typeof inputs>) =>
        put(
          "model/model.safetensors.index.json",
          '{"weight_map":{"a":"model.safetensors","b":"two.safetensors"}}',
        ),
      "is incomplete: model.safetensors.index.json names two.safetensors",
    ],
  ])("%s", async (_what, prepare, message) => {
    expect(await refusal(prepare)).toContain(message);
  });

  it("weights as a pickle only, with the remedy", async () => {
    const message = await refusal(({ model, put }) => {
      drop(model, "model.safetensors");
      put("model/pytorch_model.bin", "pickle");
    });
    expect(message).toContain(
      "only as pytorch_model.bin, a pickle, which can run code when it is loaded; convert it once",
    );
    expect(message).toContain(".save_pretrained(");
  });

  it("but not weights behind a link, as a hub cache has them", async () => {
    const { spec, model, folder } = inputs();
    renameSync(join(model, "model.safetensors"), join(folder, "blob"));
    symlinkSync(join(folder, "blob"), join(model, "model.safetensors"));
    expect((await resolve(spec)).modelFiles.map(({ sha256: hash }) => hash)).toContain(sha256(baseWeights));
  });
});
