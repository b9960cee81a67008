import { describe, expect, it } from "vitest";
import { createAdapterActivities } from "../../../activities/adapters";
import { createCheckpointActivities } from "../../../activities/checkpoints";
import { listCheckpoints } from "../../../activities/checkpoints/listing";
import { recordRun } from "../../../activities/persistence/runs";
import { insertResumptions } from "../../../activities/persistence/trace";
import { closeTrial, recordOutcome } from "../../../activities/persistence/trials";
import type { StoreTrialInput } from "../../../workflows/contracts";
import { unfinishedOutcome } from "../../../workflows/lora/outcomes";
import { failureOf } from "../../support/activity";
import { dispatchedTrial, run, subject } from "../../support/dispatched-trial";
import { outcome, record } from "../../support/rows";

const stored = async ({ store }: Awaited<ReturnType<typeof dispatchedTrial>>) =>
  (await listCheckpoints(store, run, subject)).map(({ step, epoch }) => `${step}/${epoch}`);

describe("a trial that is reset to an earlier step than it had reached", () => {
  it("is offered nothing beyond the step that it is to train to", async () => {
    const { prepare, write, steps } = await dispatchedTrial();
    await prepare("old/1", 200);
    for (const step of [40, 50, 150, 200]) await write(step, 1);
    expect(steps(await prepare("new/1", 50))).toEqual(["50/1", "40/1"]);
    // What lies beyond belongs to a life that is over: it is not offered for a later step either.
    expect(steps(await prepare("new/2", 200))).toEqual(["50/1", "40/1"]);
  });

  it("keeps what it commits, and drops what it had beyond, before anyone has told where it began", async () => {
    const trial = await dispatchedTrial();
    const { prepare, write, commit, steps } = trial;
    await prepare("old/1", 200);
    await write(150, 1);
    await commit(await write(200, 1));
    expect(await prepare("new/1", 50)).toEqual({ epoch: 2, resumeFrom: [] });
    expect(await commit(await write(50, 2))).toEqual({ accepted: true });
    expect(await stored(trial)).toEqual(["50/2"]);
    expect(steps(await prepare("new/2", 100))).toEqual(["50/2"]);
    expect(await commit(await write(100, 3))).toEqual({ accepted: true });
    expect(await stored(trial)).toEqual(["100/3", "50/2"]);
  });

  it("keeps what it commits where damage made it begin before the step on offer", async () => {
    const trial = await dispatchedTrial();
    const { prepare, write, commit, db } = trial;
    await prepare();
    for (const step of [50, 100, 110]) await write(step, 1);
    await prepare();
    // From step 50, as the engine knows; its log is not here yet.
    expect(await commit(await write(60, 2))).toEqual({ accepted: true });
    expect(await stored(trial)).toContain("60/2");
    await insertResumptions(db, [{ subject, epoch: 2, fromStep: 50 }]);
    await commit(await write(70, 2));
    expect(await stored(trial)).toEqual(["70/2", "60/2"]);
  });
});

describe("a trial that was closed from outside before its first dispatch", () => {
  it("is dispatched where its experiment was reset, and ends by its own account", async () => {
    const { db, prepare, open } = await dispatchedTrial();
    // One of an earlier start had this number too.
    await prepare("old/1", 100);
    await open({ r: 8 }, "x2");
    expect(await closeTrial(db, subject, "Temporal no longer knows its workflow")).toBe(true);
    expect(await prepare("new/1", 100)).toEqual({ epoch: 2, resumeFrom: [] });
    await recordOutcome(db, run, 0, outcome(0, { step: 150 }));
    const { rows } = await db.query("SELECT state, step, error FROM trials");
    expect(rows).toEqual([{ state: "completed", step: 150, error: null }]);
  });

  it("stays closed where its experiment was told of its end", async () => {
    const { db, prepare } = await dispatchedTrial();
    await recordOutcome(db, run, 0, unfinishedOutcome(0, { state: "cancelled", error: null }));
    expect(await failureOf(prepare("new/1", 100))).toMatchObject({ type: "Cancelled", nonRetryable: true });
    expect((await db.query("SELECT state, tell_ordinal FROM trials")).rows).toEqual([
      { state: "cancelled", tell_ordinal: 0 },
    ]);
  });

  it("stays closed once it has been dispatched", async () => {
    const { db, prepare } = await dispatchedTrial();
    await prepare("new/1", 100);
    await closeTrial(db, subject, "its workflow was terminated");
    expect(await failureOf(prepare("new/2", 100))).toMatchObject({ type: "Cancelled", nonRetryable: true });
  });
});

describe("a trial of a start before the newest", () => {
  async function startedAnew() {
    const trial = await dispatchedTrial();
    const start = (chain: string, execution: string) =>
      recordRun(trial.db, { ...record(run), chain, specSha256: "s" }, execution);
    await start("c1", "x1");
    await trial.prepare("old/1", 100, "c1");
    await start("c2", "x2");
    await trial.open({ r: 8 }, "x2");
    return trial;
  }

  it("neither closes the row of the trial that has its number, nor is dispatched, nor publishes", async () => {
    const { db, store, prepare, write } = await startedAnew();
    await recordOutcome(db, run, null, unfinishedOutcome(0, { state: "cancelled", error: null }), "c1");
    expect((await db.query("SELECT state FROM trials")).rows).toEqual([{ state: "pending" }]);
    const refused = {
      type: "Cancelled",
      nonRetryable: true,
      message: "r was started anew, and this is of the start before",
    };
    expect(await failureOf(prepare("old/2", 100, "c1"))).toMatchObject(refused);
    const input = { run, trial: 0, subject, chain: "c1", checkpoint: (await write(50, 1)).ref };
    const publishing = createAdapterActivities({ db, store })["artifact.store"](input as StoreTrialInput);
    expect(await failureOf(publishing)).toMatchObject(refused);
  });

  it("is told from the one that has its number now", async () => {
    const { prepare } = await startedAnew();
    expect(await prepare("new/1", 100, "c2")).toEqual({ epoch: 2, resumeFrom: [] });
  });
});

describe("a trial that is reset after its end", () => {
  async function endedTrial() {
    const trial = await dispatchedTrial();
    await trial.prepare();
    const checkpoints = [await trial.write(50, 1), await trial.write(100, 1), await trial.write(150, 1)];
    await recordOutcome(trial.db, run, 0, outcome(0, { step: 150 }));
    return { ...trial, trial, checkpoints };
  }

  it("is dispatched no more", async () => {
    const { prepare, db } = await endedTrial();
    expect(await failureOf(prepare("new/1", 50))).toMatchObject({
      type: "Cancelled",
      nonRetryable: true,
      message: "r/trial-0 has ended (completed): what came of it is on record, and stays as it is",
    });
    expect((await db.query("SELECT epoch FROM subjects")).rows).toEqual([{ epoch: 1 }]);
  });

  it("is dispatched when an experiment opens its row anew", async () => {
    const { prepare, open, steps } = await endedTrial();
    await open({ r: 4 }, "x2");
    expect(steps(await prepare("new/1", 60))).toEqual(["50/1"]);
  });

  it("takes no checkpoint away, whatever it commits again", async () => {
    const { trial, commit, checkpoints } = await endedTrial();
    for (const checkpoint of checkpoints) expect(await commit(checkpoint)).toEqual({ accepted: true });
    expect(await stored(trial)).toEqual(["150/1", "100/1", "50/1"]);
  });

  it("publishes nothing in the place of what it had", async () => {
    const { db, store, checkpoints } = await endedTrial();
    const input = { run, trial: 0, subject, checkpoint: checkpoints[0]?.ref } as StoreTrialInput;
    const failed = await failureOf(createAdapterActivities({ db, store })["artifact.store"](input));
    expect(failed).toMatchObject({ type: "Cancelled", nonRetryable: true });
  });

  it("does not keep a verification of its run from being dispatched", async () => {
    const { db, store } = await endedTrial();
    const verification = { run, subject: "r/verify-1", maxStep: 20 };
    const prepared = await createCheckpointActivities({ db, store })["dispatch.prepare"](verification);
    expect(prepared).toEqual({ epoch: 1, resumeFrom: [] });
  });
});
