import { describe, expect, it } from "vitest";
import { sweepGarbage } from "../../../activities/checkpoints/sweep";
import { nextEpoch } from "../../../activities/persistence/epochs";
import { insertResumptions } from "../../../activities/persistence/trace";
import { recordOutcome } from "../../../activities/persistence/trials";
import { unfinishedOutcome } from "../../../workflows/lora/outcomes";
import { failureOf } from "../../support/activity";
import { blobOf, writeCheckpoint } from "../../support/checkpoints";
import { dispatchedTrial, run, subject } from "../../support/dispatched-trial";

describe("dispatch.prepare", () => {
  it("counts epochs, and offers what is in the store, newest first, whoever has reported it", async () => {
    const { prepare, write, commit, steps, db } = await dispatchedTrial();
    expect(await prepare()).toEqual({ epoch: 1, resumeFrom: [] });
    expect((await db.query("SELECT state FROM trials")).rows).toEqual([{ state: "running" }]);
    await commit(await write(50, 1));
    const unreported = await write(100, 1);
    const second = await prepare();
    expect(second.epoch).toBe(2);
    expect(second.resumeFrom).toEqual([unreported.ref, expect.objectContaining({ step: 50, epoch: 1 })]);
    await write(150, 2);
    expect(steps(await prepare())).toEqual(["150/2", "100/1", "50/1"]);
  });

  it("gives each of many simultaneous dispatches an epoch of its own", async () => {
    const { prepare } = await dispatchedTrial();
    const epochs = (await Promise.all(Array.from({ length: 8 }, () => prepare()))).map(({ epoch }) => epoch);
    expect(epochs.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("gives a dispatch that asks again what it was given, also at once or late", async () => {
    const { prepare, write, commit, steps } = await dispatchedTrial();
    await prepare("w/1");
    await write(50, 1);
    const answers = await Promise.all(Array.from({ length: 4 }, () => prepare("w/2")));
    expect(answers.map(({ epoch }) => epoch)).toEqual([2, 2, 2, 2]);
    // Too late to be offered: the dispatch has gone on from where it was told.
    await write(70, 1);
    const own = await write(60, 2);
    expect(await prepare("w/2")).toEqual(answers[0]);
    expect(await commit(own)).toEqual({ accepted: true });
    const next = await prepare("w/3");
    expect(next.epoch).toBe(3);
    expect((await prepare("w/2")).epoch).toBe(2);
    expect(await commit(await write(80, 3))).toEqual({ accepted: true });
    expect(steps(next)).toEqual(["60/2", "50/1"]);
  });

  it("never offers what a zombie wrote after its successor was dispatched", async () => {
    const { prepare, write, steps } = await dispatchedTrial();
    await prepare();
    await write(50, 1);
    await prepare();
    await write(100, 1);
    expect(steps(await prepare())).toEqual(["50/1"]);
  });

  it("leaves the abandoned branch once a dispatch has reported from where it went on", async () => {
    const { prepare, write, steps, db } = await dispatchedTrial();
    await prepare();
    await write(50, 1);
    await write(100, 1);
    await prepare();
    // Its newest one turned out to be damaged, so the second dispatch went on from the one before.
    await insertResumptions(db, [{ subject, epoch: 2, fromStep: 50 }]);
    expect(steps(await prepare())).toEqual(["50/1"]);
  });

  it("passes over objects that are no checkpoints of this subject", async () => {
    const { prepare, write, store, steps } = await dispatchedTrial();
    await prepare();
    const good = await write(50, 1);
    const folder = good.key.slice(0, good.key.lastIndexOf("/") + 1);
    await store.putNamed(`${folder}00000060-1.json`, Buffer.from("{"), "application/json");
    await store.putNamed(`${folder}00000070-1.json`, Buffer.from('{"schemaVersion":1}'), "application/json");
    await store.putNamed(`${folder}notes.txt`, Buffer.from("x"), "text/plain");
    await store.copy(good.ref.manifest, `${folder}00000080-1.json`);
    expect(steps(await prepare())).toEqual(["50/1"]);
  });

  it("forgets the checkpoints of a trial that is opened afresh with other parameters, and keeps those of the same", async () => {
    const { prepare, write, steps, open } = await dispatchedTrial();
    await prepare();
    await write(50, 1);
    await open({ r: 4 }, "x2");
    expect(steps(await prepare())).toEqual(["50/1"]);
    await open({ r: 8 }, "x3");
    expect(steps(await prepare())).toEqual([]);
  });
});

describe("checkpoint.commit", () => {
  it("accepts a checkpoint once or twice, and refuses a zombie's", async () => {
    const { prepare, write, commit, db } = await dispatchedTrial();
    await prepare();
    const first = await write(50, 1);
    expect(await commit(first)).toEqual({ accepted: true });
    expect(await commit(first)).toEqual({ accepted: true });
    await prepare();
    const zombie = await write(100, 1);
    const successor = await write(100, 2);
    expect(await commit(successor)).toEqual({ accepted: true });
    expect(await commit(zombie)).toEqual({ accepted: false });
    const { rows } = await db.query("SELECT step, epoch, manifest FROM checkpoints ORDER BY step");
    expect(rows).toEqual([
      { step: 50, epoch: 1, manifest: first.ref.manifest },
      { step: 100, epoch: 2, manifest: successor.ref.manifest },
    ]);
  });

  it("refuses one of a subject that a dispatch still being prepared has taken over", async () => {
    const { prepare, write, commit, db } = await dispatchedTrial();
    await prepare();
    const late = await write(50, 1);
    await nextEpoch(db, run, subject, "later");
    expect(await commit(late)).toEqual({ accepted: false });
  });

  it("accepts the one that a later dispatch resumed from and returned unchanged", async () => {
    const { prepare, write, commit } = await dispatchedTrial();
    await prepare();
    const reached = await write(50, 1);
    await prepare();
    expect(await commit(reached)).toEqual({ accepted: true });
  });

  it("refuses one of a dispatch that was never made, and a manifest of another subject", async () => {
    const { prepare, write, commit, store } = await dispatchedTrial();
    await prepare();
    expect(await commit(await write(50, 7))).toEqual({ accepted: false });
    const other = await writeCheckpoint(store, { run, subject: "r/trial-1", step: 50, epoch: 1 });
    expect(await failureOf(commit(other))).toMatchObject({ type: "CorruptArtifact" });
  });

  it("is still accepted when it is repeated after it was collected, and refused when it was never there", async () => {
    const { prepare, write, commit, s3, bucket } = await dispatchedTrial();
    await prepare();
    const first = await write(50, 1);
    await commit(first);
    await write(100, 1);
    await commit(await write(150, 1));
    expect(await commit(first)).toEqual({ accepted: true });
    const lost = await write(200, 1);
    await s3.removeObject(bucket, lost.key);
    expect(await failureOf(commit(lost))).toMatchObject({ type: "NotFound" });
  });

  it("collects beyond what is to be kept, and deletes files only when nothing names them any longer", async () => {
    const { prepare, write, commit, store, db } = await dispatchedTrial();
    await prepare();
    const first = await write(50, 1);
    const second = await write(100, 1);
    const third = await write(150, 1);
    await commit(third, 2);
    expect((await store.list("runs/")).map(({ key }) => key)).toEqual([second.key, third.key]);
    const weights = blobOf(first, "adapter_model.safetensors");
    expect(await store.read(weights)).toBeDefined();
    expect(await sweepGarbage({ db, store }, new Date(0))).toEqual([]);
    const later = new Date(Date.now() + 60_000);
    const swept = await sweepGarbage({ db, store }, later);
    // The config is the same in every checkpoint; only what was the first one's own goes.
    expect(swept).toHaveLength(3);
    expect(await store.read(weights)).toBeUndefined();
    expect(await store.read(blobOf(first, "adapter_config.json"))).toBeDefined();
    expect(await store.read(blobOf(second, "adapter_model.safetensors"))).toBeDefined();
    expect(await sweepGarbage({ db, store }, later)).toEqual([]);
  });

  it.each([
    { state: null, kept: true },
    { state: "failed" as const, kept: false },
  ])(
    "keeps files that only an unreported checkpoint of a trial names that ended as $state: $kept",
    async ({ state, kept }) => {
      const { prepare, write, commit, store, db, open } = await dispatchedTrial();
      await prepare();
      await write(50, 1, "twins");
      await write(100, 1);
      await commit(await write(150, 1), 2);
      await open({ r: 4 }, "x1", 1);
      const other = await writeCheckpoint(store, {
        run,
        subject: "r/trial-1",
        step: 50,
        epoch: 1,
        content: "twins",
      });
      if (state) await recordOutcome(db, run, 0, unfinishedOutcome(1, { state, error: null }));
      await sweepGarbage({ db, store }, new Date(Date.now() + 60_000));
      expect((await store.read(blobOf(other, "adapter_model.safetensors"))) !== undefined).toBe(kept);
    },
  );

  it("does not delete files that an unreported checkpoint of an open run names", async () => {
    const { prepare, write, commit, store, db } = await dispatchedTrial();
    await prepare();
    const first = await write(50, 1, "twins");
    await write(100, 1);
    await commit(await write(150, 1), 2);
    const other = await writeCheckpoint(store, {
      run,
      subject: "r/verify-1",
      step: 50,
      epoch: 1,
      content: "twins",
    });
    await db.query("INSERT INTO subjects (subject, run, epoch) VALUES ('r/verify-1', 'r', 1)");
    await sweepGarbage({ db, store }, new Date(Date.now() + 60_000));
    expect(blobOf(other, "adapter_model.safetensors")).toBe(blobOf(first, "adapter_model.safetensors"));
    expect(await store.read(blobOf(other, "adapter_model.safetensors"))).toBeDefined();
  });
});
