import { describe, expect, it } from "vitest";
import { createAdapterActivities } from "../../../activities/adapters";
import { createCheckpointActivities } from "../../../activities/checkpoints";
import { listCheckpoints } from "../../../activities/checkpoints/listing";
import { insertResumptions } from "../../../activities/persistence/trace";
import { recordOutcome } from "../../../activities/persistence/trials";
import type { StoreTrialInput } from "../../../workflows/contracts";
import { failureOf } from "../../support/activity";
import { dispatchedTrial, run, subject } from "../../support/dispatched-trial";
import { outcome } from "../../support/rows";

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
