import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { listArtifacts } from "../../../activities/persistence/artifacts";
import { failureOf } from "../../support/activity";
import { finishedRun } from "../../support/finished-run";
import { scratchFolder } from "../../support/scratch";

describe("artifact.store", () => {
  it("publishes what PEFT loads under the trial, without the trainer's state, and rows for it", async () => {
    const { run, db, store, bucket } = await finishedRun();
    const rows = (await listArtifacts(db, run)).filter(({ trial }) => trial === 0);
    expect(rows.map(({ name, kind }) => `${kind} ${name}`)).toEqual([
      "adapter trials/0/adapter/adapter_config.json",
      "adapter trials/0/adapter/adapter_model.safetensors",
      "metrics trials/0/metrics.json",
    ]);
    for (const { name, ref } of rows) {
      expect(ref.uri).toBe(`s3://${bucket}/runs/${run}/${name}`);
      await store.get(ref);
    }
  });
});

describe("artifact.publish", () => {
  it("publishes the winner's folder with a card that a hub understands", async () => {
    const { run, db, store, stages, activities, folder } = await finishedRun();
    const tokenizer = await store.put(Buffer.from("{}"), "application/json");
    stages.dataset = { ...(stages.dataset as NonNullable<typeof stages.dataset>), tokenizer: [] };
    stages.dataset.tokenizer?.push({ path: "tokenizer.json", ref: tokenizer });
    const { adapter } = await activities["artifact.publish"]({ run, stages });
    expect(adapter.map(({ path }) => path)).toEqual([
      "adapter_config.json",
      "adapter_model.safetensors",
      "tokenizer.json",
      "README.md",
    ]);
    const card = (await store.get(adapter[3]?.ref as (typeof adapter)[number]["ref"])).toString("utf8");
    expect(card, "a private place").not.toContain(folder);
    expect(parse(/^---\n([\s\S]*?)\n---\n/.exec(card)?.[1] ?? "")).toEqual({
      library_name: "peft",
      license: "apache-2.0",
      pipeline_tag: "text-generation",
      tags: ["lora"],
      "model-index": [
        {
          name: "support-bot",
          results: [
            {
              task: { type: "text-generation" },
              dataset: { name: "support-bot (test)", type: "custom" },
              metrics: [
                { type: "eval_loss", value: 0.5 },
                { type: "perplexity", value: Math.exp(0.5) },
              ],
            },
          ],
        },
      ],
    });
    expect(card).toContain("| eval_loss | 2 | 0.5 |");
    expect(card).toContain("seed 42");
    expect(card).toContain("rank 8, alpha 16");
    expect(card).toContain(`npx belay verify ${run}`);
    expect(card).toContain(
      stages.resolved.modelFiles.find(({ path }) => path.endsWith(".safetensors"))?.sha256,
    );
    expect(card).toContain("vLLM loads it with `--max-lora-rank 8`");
    const names = (await listArtifacts(db, run)).map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        "adapter/README.md",
        "adapter/tokenizer.json",
        "metrics.json",
        "base/metrics.json",
        "dataset/profile.json",
      ]),
    );
  });

  it("gives the same bytes when it is repeated", async () => {
    const { run, stages, activities } = await finishedRun();
    const first = await activities["artifact.publish"]({ run, stages });
    expect(await activities["artifact.publish"]({ run, stages })).toEqual(first);
  });

  it("copies the outputs where they were asked for, replacing what was there as a whole", async () => {
    const exportDir = join(scratchFolder(), "out");
    mkdirSync(join(exportDir, "adapter"), { recursive: true });
    for (const name of ["adapter_config.json", "stale.txt"])
      writeFileSync(join(exportDir, "adapter", name), "of an earlier run");
    writeFileSync(join(exportDir, "mine.txt"), "a person's own");
    const { run, store, stages, activities } = await finishedRun({
      experiment: { output: { export_dir: exportDir, merge: "best" } },
    });
    const merged = await store.put(Buffer.from("merged weights"), "application/octet-stream");
    stages.merge = {
      files: [{ path: "model.safetensors", ref: merged }],
      maxLogitDifference: 0,
      tolerance: 1,
      passed: true,
      rows: 4,
      recipe: null,
    };
    expect(await activities["artifact.publish"]({ run, stages })).toMatchObject({ exportProblem: null });
    expect(readdirSync(exportDir).sort()).toEqual(["adapter", "merged", "mine.txt"]);
    expect(readdirSync(join(exportDir, "adapter")).sort()).toEqual([
      "README.md",
      "adapter_config.json",
      "adapter_model.safetensors",
    ]);
    expect(readFileSync(join(exportDir, "merged", "model.safetensors"), "utf8")).toBe("merged weights");
  });

  it("leaves nothing half copied when a file is damaged, and what was there before stays", async () => {
    const exportDir = scratchFolder();
    mkdirSync(join(exportDir, "merged"));
    writeFileSync(join(exportDir, "merged", "config.json"), "former");
    const { run, store, s3, bucket, stages, activities } = await finishedRun({
      experiment: { output: { export_dir: exportDir } },
    });
    const ref = await store.put(Buffer.from("merged weights"), "application/octet-stream");
    stages.merge = {
      files: [{ path: "model.safetensors", ref }],
      maxLogitDifference: 0,
      tolerance: 1,
      passed: true,
      rows: 4,
      recipe: null,
    };
    await s3.putObject(bucket, ref.uri.split("/").slice(3).join("/"), Buffer.from("other weights!"));
    expect(await failureOf(activities["artifact.publish"]({ run, stages }))).toMatchObject({
      type: "CorruptArtifact",
    });
    expect(readdirSync(exportDir).sort()).toEqual(["adapter", "merged"]);
    expect(readdirSync(join(exportDir, "merged"))).toEqual(["config.json"]);
  });

  it("says why there is no copy, and publishes the rest", async () => {
    const exportDir = join(scratchFolder(), "out");
    const { run, stages, activities } = await finishedRun();
    stages.resolved.spec.output.export_dir = exportDir;
    const refusal = {
      type: "InvalidSpec",
      message: expect.stringContaining(`output.export_dir: the outputs cannot be copied to ${exportDir}`),
    };
    writeFileSync(exportDir, "a file in its place");
    const { adapter, exportProblem } = await activities["artifact.publish"]({ run, stages });
    expect(adapter.map(({ path }) => path)).toContain("adapter_model.safetensors");
    expect(exportProblem).toMatchObject(refusal);

    rmSync(exportDir);
    mkdirSync(join(exportDir, "adapter"), { recursive: true });
    writeFileSync(join(exportDir, "adapter", "thesis.doc"), "a person's own");
    expect((await activities["artifact.publish"]({ run, stages })).exportProblem).toMatchObject(refusal);
    expect(readdirSync(join(exportDir, "adapter"))).toEqual(["thesis.doc"]);
  });

  it("refuses weights that are none", async () => {
    const { run, stages, activities } = await finishedRun({
      adapter: { "adapter_model.safetensors": Buffer.from("weights, or so they say") },
    });
    expect(await failureOf(activities["artifact.publish"]({ run, stages }))).toMatchObject({
      type: "CorruptArtifact",
    });
  });

  it("refuses a file that would leave its folder", async () => {
    const { run, store, stages, activities } = await finishedRun();
    const ref = await store.put(Buffer.from("x"), "text/plain");
    stages.merge = {
      files: [{ path: "../../elsewhere", ref }],
      maxLogitDifference: 0,
      tolerance: 1,
      passed: true,
      rows: 4,
      recipe: null,
    };
    expect((await failureOf(activities["artifact.publish"]({ run, stages }))).message).toContain(
      "is not a path inside a folder",
    );
    expect(existsSync("elsewhere")).toBe(false);
  });

  it("has nothing to publish without a winner", async () => {
    const { run, stages, activities } = await finishedRun();
    const without = { ...stages, selection: { best: null, reason: "all failed", ranking: [] } };
    expect(await failureOf(activities["artifact.publish"]({ run, stages: without }))).toMatchObject({
      type: "NotFound",
    });
  });
});
