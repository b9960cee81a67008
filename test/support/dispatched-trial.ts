import { createCheckpointActivities } from "../../activities/checkpoints";
import { recordRun } from "../../activities/persistence/runs";
import { openTrials } from "../../activities/persistence/trials";
import { trialId } from "../../workflows/contracts";
import { type WrittenCheckpoint, writeCheckpoint } from "./checkpoints";
import { trial as openTrial } from "./rows";
import { freshDatabase, freshStore } from "./services";

export const run = "r";
export const subject = trialId(run, 0);

/** An open trial of an open run in a fresh database and a fresh bucket, and what its dispatches do. */
export async function dispatchedTrial() {
  const [{ db }, { store, s3, bucket }] = [await freshDatabase(), await freshStore()];
  await recordRun(db, { run, name: "a", state: "running", stage: "search" }, "x1");
  const activities = createCheckpointActivities({ db, store });
  const open = (params: Record<string, number>, execution: string, trial = 0) =>
    openTrials(db, run, [openTrial(run, trial, { params, seed: 1 })], execution);
  await open({ r: 4 }, "x1");
  return {
    db,
    store,
    s3,
    bucket,
    open,
    prepare: (dispatch?: string, maxStep?: number, chain?: string) =>
      activities["dispatch.prepare"]({ run, subject, dispatch, maxStep, chain }),
    commit: (checkpoint: WrittenCheckpoint, keep = 2) =>
      activities["checkpoint.commit"]({ run, subject, checkpoint: checkpoint.ref, keep }),
    write: (step: number, epoch: number, content?: string) =>
      writeCheckpoint(store, { run, subject, step, epoch, content }),
    steps: (prepared: { resumeFrom: { step: number; epoch: number }[] }) =>
      prepared.resumeFrom.map(({ step, epoch }) => `${step}/${epoch}`),
  };
}
