import { resumeCandidates } from "../../workflows/checkpoints";
import type { CheckpointRef } from "../../workflows/contracts";
import type { ObjectStore } from "../artifacts/object-store";
import type { Database } from "../persistence/database";
import { epochStarts, nextEpoch, openEpoch } from "../persistence/epochs";
import { requireNewestStart } from "../persistence/runs";
import { markRunning, reopenUndispatched, requireNoEnd } from "../persistence/trials";
import { listCheckpoints, readCheckpoint } from "./listing";

/** As many as an engine may need: each further one is there for the case that those before it are damaged. */
const MAX_CANDIDATES = 4;

interface DispatchInput {
  run: string;
  subject: string;
  chain?: string | null;
  dispatch?: string;
  maxStep?: number;
}

/**
 * The epoch of a dispatch, and the checkpoints to resume from. The epoch is taken before the store is listed, so that a
 * checkpoint written in between by the dispatch before is either offered here or void.
 *
 * None beyond `maxStep` is offered. A dispatch to an earlier step than was reached before (its trial was reset) trains
 * from there on anew, so that each step's metrics are of one trajectory; the step on offer, noted here, says so before
 * the engine has reported where it began.
 */
export async function prepareDispatch(
  { db, store }: { db: Database; store: ObjectStore },
  { run, subject, chain, dispatch, maxStep }: DispatchInput,
): Promise<{ epoch: number; resumeFrom: CheckpointRef[] }> {
  await requireNewestStart(db, run, chain);
  await reopenUndispatched(db, subject);
  await requireNoEnd(db, subject);
  const epoch = await nextEpoch(db, run, subject, dispatch);
  const found = epoch === 1 ? [] : await candidates(db, store, { run, subject, maxStep });
  const offered = await db.transaction(async (tx) => {
    await markRunning(tx, subject);
    return openEpoch(tx, subject, epoch, found[0]?.step ?? 0);
  });
  return { epoch, resumeFrom: found.filter(({ step }) => step <= offered) };
}

async function candidates(
  db: Database,
  store: ObjectStore,
  { run, subject, maxStep }: DispatchInput,
): Promise<CheckpointRef[]> {
  const listed = await listCheckpoints(store, run, subject);
  if (listed.length === 0) return [];
  const starts = await epochStarts(db, subject);
  // The rule looks at step and epoch alone, so only those that pass are read.
  const found: CheckpointRef[] = [];
  for (const each of resumeCandidates(listed, starts, maxStep)) {
    const read = await readCheckpoint(store, subject, each);
    if (read) found.push({ manifest: read.manifest, step: read.step, epoch: read.epoch });
    if (found.length === MAX_CANDIDATES) break;
  }
  return found;
}
