import type { CheckpointRef } from "../../workflows/contracts";
import { isOvertaken, toKeep } from "../../workflows/checkpoints";
import type { ObjectStore } from "../artifacts/object-store";
import { failure } from "../failure";
import { type Database, jsonb, type Queries } from "../persistence/database";
import { epochStarts, lockSubject } from "../persistence/epochs";
import { listCheckpoints, listedOf, parseManifest, readCheckpoint, unread } from "./listing";

export interface CommitInput {
  run: string;
  subject: string;
  checkpoint: CheckpointRef;
  keep: number;
}

/**
 * Makes a checkpoint the subject's newest, unless a later dispatch has taken up the work before it. What is no longer
 * needed is collected afterwards, so that a crash in between leaves too much and never too little.
 */
export async function commitCheckpoint(
  { db, store }: { db: Database; store: ObjectStore },
  { run, subject, checkpoint, keep }: CommitInput,
): Promise<{ accepted: boolean }> {
  const body = parseManifest(await store.get(checkpoint.manifest));
  if (!body || body.trialId !== subject)
    throw failure("CorruptArtifact", `${checkpoint.manifest.uri} is not the manifest of a checkpoint of ${subject}`);
  const accepted = await db.transaction(async (tx) => {
    // Dispatches of the subject wait for this decision, and it for theirs.
    const newest = await lockSubject(tx, subject);
    const starts = await epochStarts(tx, subject);
    const isKnown = starts.some(({ epoch }) => epoch === checkpoint.epoch);
    // A dispatch that is being prepared has no start yet, and has taken the subject over all the same.
    const isTakenOver = checkpoint.epoch < newest && !starts.some(({ epoch }) => epoch === newest);
    if (!isKnown || isTakenOver || isOvertaken(checkpoint, starts)) return false;
    await tx.query(
      `INSERT INTO checkpoints AS known (subject, step, epoch, manifest, files) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (subject, step) DO UPDATE SET epoch = excluded.epoch, manifest = excluded.manifest, files = excluded.files
       WHERE excluded.epoch >= known.epoch`,
      [subject, checkpoint.step, checkpoint.epoch, jsonb(checkpoint.manifest), body.files.map(({ ref }) => ref.sha256)],
    );
    return true;
  });
  if (accepted) await collect(db, store, { run, subject, keep });
  return { accepted };
}

/** Removes the manifests beyond `keep`, and notes which files nothing may name any longer. */
async function collect(db: Database, store: ObjectStore, { run, subject, keep }: Omit<CommitInput, "checkpoint">): Promise<void> {
  const listed = await listCheckpoints(store, run, subject);
  const starts = await epochStarts(db, subject);
  const doomed = toKeep(listed.map(unread), starts, keep).collect.map(listedOf);
  for (const checkpoint of doomed) {
    const read = await readCheckpoint(store, subject, checkpoint);
    await db.transaction(async (tx) => {
      await tx.query("DELETE FROM checkpoints WHERE subject = $1 AND step = $2 AND epoch = $3", [subject, checkpoint.step, checkpoint.epoch]);
      if (read) await noteGarbage(tx, read.body.files.map(({ ref }) => ref.sha256));
    });
    await store.remove(checkpoint.key);
  }
}

const noteGarbage = (tx: Queries, hashes: string[]) =>
  tx.query("INSERT INTO garbage (sha256) SELECT unnest($1::text[]) ON CONFLICT (sha256) DO UPDATE SET since = now()", [hashes]);
