import { readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { recordRun } from "../../../activities/persistence/runs";
import { hashFile } from "../../../activities/spec/hash-file";
import { readableJson } from "../../../workflows/contracts/canonical-json";
import { callFrom, failureOf } from "../../support/activity";
import { blobOf } from "../../support/checkpoints";
import { finishedRun } from "../../support/finished-run";
import { record } from "../../support/rows";

/** A run with its winner published and its manifest written. */
async function withManifest(experiment?: Record<string, unknown>) {
  const finished = await finishedRun({ experiment });
  const { run, stages, activities } = finished;
  await activities["artifact.publish"]({ run, stages });
  const write = () => callFrom("x1", activities["manifest.write"], { run, stages });
  const manifest = await write();
  return { ...finished, write, manifest };
}

describe("manifest.write", () => {
  it("is an in-toto statement that names every artifact by its hash", async () => {
    const { store, manifest, run, winner } = await withManifest();
    const text = (await store.get(manifest)).toString("utf8");
    const statement = JSON.parse(text);
    expect(text).toBe(readableJson(statement));
    expect(statement).toMatchObject({
      _type: "https://in-toto.io/Statement/v1",
      predicateType: "https://slsa.dev/provenance/v1",
    });
    expect(statement.subject.map(({ name }: { name: string }) => name)).toEqual([
      "adapter/README.md",
      "adapter/adapter_config.json",
      "adapter/adapter_model.safetensors",
      "base/metrics.json",
      "dataset/profile.json",
      "metrics.json",
      "trials/0/adapter/adapter_config.json",
      "trials/0/adapter/adapter_model.safetensors",
      "trials/0/metrics.json",
      "trials/1/adapter/adapter_config.json",
      "trials/1/adapter/adapter_model.safetensors",
      "trials/1/metrics.json",
    ]);
    const { buildDefinition, runDetails } = statement.predicate;
    expect(runDetails.metadata).toEqual({ invocationId: run });
    expect(runDetails.byproducts.map(({ name }: { name: string }) => name)).toEqual([
      "dataset/test",
      "dataset/train",
      "dataset/validation",
      "winner/checkpoint.json",
      ...winner.files.map(({ path }) => `winner/${path}`),
    ]);
    const dependencies = buildDefinition.resolvedDependencies.map(({ name }: { name: string }) => name);
    expect(dependencies).toEqual([
      "belay",
      "gpu-worker/requirements.lock",
      "package-lock.json",
      "model/README.md",
      "model/config.json",
      "model/model.safetensors",
      "dataset/rows.jsonl",
    ]);
  });

  it("says how the winner was merged, and into what", async () => {
    const { run, store, stages, activities } = await finishedRun();
    const weights = await store.put(Buffer.from("merged weights"), "application/octet-stream");
    const recipe = { method: "merge_and_unload", computeDtype: "float32", dtype: "bfloat16" };
    const checked = { maxLogitDifference: 0.25, tolerance: 1, passed: true };
    stages.merge = { files: [{ path: "model.safetensors", ref: weights }], ...checked, rows: 4, recipe };
    await activities["artifact.publish"]({ run, stages });
    const manifest = await callFrom("x1", activities["manifest.write"], { run, stages });
    const { internalParameters } = JSON.parse((await store.get(manifest)).toString("utf8")).predicate
      .buildDefinition;
    expect(internalParameters.merge).toEqual({
      ...checked,
      recipe,
      files: { "model.safetensors": weights.sha256 },
    });
  });

  it("says of each trial how it was proposed, trained and judged", async () => {
    const { store, manifest } = await withManifest();
    const { internalParameters } = JSON.parse((await store.get(manifest)).toString("utf8")).predicate
      .buildDefinition;
    const [first, second] = internalParameters.search.trials;
    expect(first).toMatchObject({
      trial: 0,
      params: { r: 4 },
      modelBased: false,
      tellCount: 0,
      pending: [],
      tellOrdinal: 0,
      seed: 42,
      initSha256: "1".repeat(64),
      attempts: [{ engine: "e0.b", epoch: 1, fromStep: 0, toStep: 30, reason: "reached" }],
    });
    for (const key of ["adapterSha256", "metricsSha256", "lossCurveSha256"])
      expect(first[key]).toMatch(/^[0-9a-f]{64}$/);
    expect(second.lossCurveSha256).not.toBe(first.lossCurveSha256);
    expect(internalParameters.environments).toEqual([{ device: "cpu", versions: { torch: "2.15" } }]);
    expect(Object.keys(internalParameters.lockedVersions)).toEqual(
      expect.arrayContaining(["peft", "torch", "transformers"]),
    );
    expect(internalParameters.determinism.level).toBe("tolerance");
  });

  it("is written also where a trial's row names a checkpoint that was collected", async () => {
    const { run, s3, bucket, write, manifest } = await withManifest();
    const collected = `runs/${run}/trials/0/checkpoints/00000030-1.json`;
    expect((await s3.statObject(bucket, collected)).size).toBeGreaterThan(0);
    await s3.removeObject(bucket, collected);
    expect(await write()).toEqual(manifest);
  });

  it("takes the device from the engine that trained the winner, not from another of the run", async () => {
    const { run, db, write, activities } = await withManifest();
    await db.query(
      `INSERT INTO trace_events (run, source, seq, at, kind, data)
       VALUES ($1, 'other.b', 0, now(), 'engine.environment', '{"device": "cuda:0"}')`,
      [run],
    );
    await write();
    expect(await activities["manifest.load"]({ run })).toMatchObject({
      device: "cpu",
      tolerances: { metric: 1e-4 },
    });
  });

  it("names the files of a base from the hub as its engines found them, which no one can check here", async () => {
    const { run, db, store, stages, activities, write } = await withManifest();
    const known = await activities["reproducibility.hashes"]({ run });
    const [model, revision] = ["someone/tiny", "a".repeat(40)];
    Object.assign(stages.resolved.spec.model, { model_name_or_path: model, revision });
    const files = { "config.json": "c".repeat(64), "model.safetensors": "d".repeat(64) };
    const more = { "README.md": "e".repeat(64) };
    // Of an earlier start of the run, with another base, nothing is named.
    const told = { "one.b": model, "two.b": model, "earlier.b": "someone/else" };
    for (const [source, base] of Object.entries(told))
      await db.query(
        `INSERT INTO trace_events (run, source, seq, at, kind, data) VALUES ($1, $2, 9, now(), 'engine.base', $3)`,
        // A machine may hold more of the repository than another.
        [run, source, { model: base, revision, files: source === "two.b" ? { ...files, ...more } : files }],
      );
    const statement = JSON.parse((await store.get(await write())).toString("utf8"));
    const { resolvedDependencies } = statement.predicate.buildDefinition;
    const fromHub = resolvedDependencies.filter(({ uri }: { uri?: string }) => uri?.startsWith("pkg:"));
    expect(fromHub).toEqual(
      Object.entries({ ...more, ...files }).map(([path, sha256]) => ({
        name: `model/${path}`,
        uri: `pkg:huggingface/${model}@${revision}#${path}`,
        digest: { sha256 },
      })),
    );
    expect(await activities["reproducibility.hashes"]({ run })).toEqual(known);
  });

  it("holds no time, and the same bytes when it is written again", async () => {
    const { write, manifest, store } = await withManifest();
    expect(await write()).toEqual(manifest);
    expect((await store.get(manifest)).toString("utf8")).not.toMatch(/\d{4}-\d\d-\d\dT\d\d:/);
  });
});

describe("manifest.load", () => {
  it("gives everything that verification needs, from the manifest alone", async () => {
    const { run, db, activities, winner, stages } = await withManifest({ train: { full_determinism: true } });
    await db.query("TRUNCATE runs, trials, rungs, metrics, trace_events, artifacts, checkpoints CASCADE");
    const plan = await activities["manifest.load"]({ run });
    expect(plan).toMatchObject({
      run,
      bitwise: true,
      device: "cpu",
      replaySteps: 20,
      tolerances: { metric: 1e-4, loss: 1e-4 },
    });
    expect(plan.winner).toMatchObject({
      trial: 1,
      training: {
        trial: 1,
        totalSteps: 30,
        targetStep: 30,
        config: { train: { seed: 42 }, lora: { r: 8, lora_alpha: 16 } },
      },
      evaluation: { label: "trial-1", split: "test", checkpoint: winner.ref },
      metrics: stages.best?.metrics,
    });
    expect(plan.winner?.lossCurve).toHaveLength(20);
    expect(plan.winner?.lossCurve[0]).toEqual({ step: 1, value: 1.5 });
  });

  it("promises tolerance where half precision or a chance order is in play", async () => {
    const { run, activities } = await withManifest({
      search: { num_trials: 2 },
      train: { full_determinism: true },
    });
    expect((await activities["manifest.load"]({ run })).bitwise).toBe(false);
  });

  it("says when there is none, when it is gone, or when it is no manifest", async () => {
    const { activities, store, run, s3, bucket, db } = await withManifest();
    const absent = (message: string) => ({ type: "NotFound", message: expect.stringContaining(message) });
    const loading = activities["manifest.load"]({ run: "other" });
    expect(await failureOf(loading)).toMatchObject(absent("there is no run other"));
    await recordRun(db, record("other"), "x1");
    const unfinished = activities["manifest.load"]({ run: "other" });
    expect(await failureOf(unfinished)).toMatchObject(absent("other has no manifest"));
    await s3.removeObject(bucket, `runs/${run}/manifest.json`);
    expect(await failureOf(activities["manifest.load"]({ run }))).toMatchObject({
      type: "CorruptArtifact",
      message: `manifest.json is gone (s3://${bucket}/runs/${run}/manifest.json)`,
    });
    await store.putNamed(`runs/${run}/manifest.json`, Buffer.from("{}"), "application/json");
    expect(await failureOf(activities["manifest.load"]({ run }))).toMatchObject({ type: "CorruptArtifact" });
    await store.putNamed(`runs/${run}/manifest.json`, Buffer.from("nothing"), "application/json");
    expect((await failureOf(activities["manifest.load"]({ run }))).message).toBe(
      `the manifest of ${run} is not JSON`,
    );
  });
});

describe("reproducibility.hashes", () => {
  it("finds nothing wrong with an untouched run", async () => {
    const { run, activities } = await withManifest();
    const { checked, failures } = await activities["reproducibility.hashes"]({ run });
    expect(failures).toEqual([]);
    expect(checked).toBe(25);
  });

  it("finds a manifest that was changed together with its recorded hash, by its signature", async () => {
    const { run, activities, store, manifest, db } = await withManifest();
    const text = (await store.get(manifest)).toString("utf8");
    const forged = await store.putNamed(
      `runs/${run}/manifest.json`,
      Buffer.from(text.replace('"seed": 42', '"seed": 43')),
      "application/json",
    );
    await db.query("UPDATE artifacts SET sha256 = $1 WHERE name = 'manifest.json'", [forged.sha256]);
    const { failures } = await activities["reproducibility.hashes"]({ run });
    expect(failures).toEqual(["manifest.dsse.json signs another manifest than manifest.json"]);
  });

  it("names each tampered or missing artifact, wherever it lies", async () => {
    const { run, activities, s3, bucket, winner, folder } = await withManifest();
    const key = (name: string) => `runs/${run}/${name}`;
    await s3.putObject(bucket, key("adapter/adapter_model.safetensors"), Buffer.from("other weights"));
    await s3.removeObject(bucket, key("trials/0/metrics.json"));
    await s3.putObject(bucket, blobOf(winner, "trainer_state.safetensors"), Buffer.from("other moments"));
    const base = join(folder, "model.safetensors");
    // Same size, same time, and its hash is remembered: only the content tells. A time can be set to the microsecond.
    const time = new Date("2026-01-01");
    const restoreTimes = () => utimesSync(base, time, time);
    restoreTimes();
    await hashFile(base);
    const before = statSync(base);
    writeFileSync(base, readFileSync(base, "latin1").replace("the base", "The base"), "latin1");
    restoreTimes();
    const { size, mtimeMs, ino } = before;
    expect(statSync(base)).toMatchObject({ size, mtimeMs, ino });
    const { failures } = await activities["reproducibility.hashes"]({ run });
    expect(failures.map((failure) => failure.split(" ").slice(0, 3).join(" ")).sort()).toEqual([
      "adapter/adapter_model.safetensors was changed:",
      "model/model.safetensors was changed:",
      "trials/0/metrics.json is gone",
      "winner/trainer_state.safetensors was changed:",
    ]);
  });

  it("notices a manifest that was changed itself", async () => {
    const { run, activities, store, manifest } = await withManifest();
    const text = (await store.get(manifest)).toString("utf8");
    await store.putNamed(
      `runs/${run}/manifest.json`,
      Buffer.from(text.replace('"seed": 42', '"seed": 43')),
      "application/json",
    );
    const { failures } = await activities["reproducibility.hashes"]({ run });
    expect(failures).toEqual([
      expect.stringContaining("manifest.json was changed: its hash is"),
      "manifest.dsse.json signs another manifest than manifest.json",
    ]);
  });

  it("takes no manifest for the run's that an earlier start of it has left in the store", async () => {
    const { run, activities, db } = await withManifest();
    await db.query("DELETE FROM artifacts WHERE run = $1 AND kind = 'manifest'", [run]);
    const { failures } = await activities["reproducibility.hashes"]({ run });
    expect(failures).toEqual([expect.stringContaining("manifest.json is not on record")]);
  });
});

describe("reproducibility.record", () => {
  it("keeps the newest verdict with the run, and refuses an unknown one", async () => {
    const { run, activities, db } = await withManifest();
    const verdict = { level: "L0" as const, passed: true, details: [] };
    await activities["reproducibility.record"]({ run, verdict });
    expect((await db.query("SELECT reproducibility FROM runs")).rows).toEqual([{ reproducibility: verdict }]);
    expect(await failureOf(activities["reproducibility.record"]({ run: "other", verdict }))).toMatchObject({
      type: "NotFound",
    });
  });
});
