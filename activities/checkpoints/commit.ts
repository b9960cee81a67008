import { type EpochStart, isOvertaken, toKeep } from "../../workflows/checkpoints";
import type { CheckpointRef } from "../../workflows/contracts";
import { keyOf, type ObjectStore } from "../artifacts/object-store";
import { failure } from "../failure";
import { type Database, jsonb, type Queries } from "../persistence/database";
import { epochStarts, lockSubject } from "../persistence/epochs";
import { trialEnd } from "../persistence/trials";
import { listCheckpoints, parseManifest, readCheckpoint } from "./listing";

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
  const files = await filesOf(store, subject, checkpoint);
  const accepted = await db.transaction(async (tx) => {
    // Dispatches of the subject wait for this decision, and it for theirs.
    const newest = await lockSubject(tx, subject);
    if (!isCurrent(checkpoint, newest, await epochStarts(tx, subject))) return false;
    if (files) await movePointer(tx, subject, checkpoint, files);
    else if (!(await isPassed(tx, subject, checkpoint.step)))
      throw failure("NotFound", `the checkpoint ${checkpoint.manifest.uri} does not exist`);
    return true;
  });
  if (accepted) await collect(db, store, { run, subject, checkpoint, keep });
  return { accepted };
}

/** Hashes of the files that a checkpoint names; undefined when it is gone. */
async function filesOf(
  store: ObjectStore,
  subject: string,
  { manifest }: CheckpointRef,
): Promise<string[] | undefined> {
  const stored = await store.read(keyOf(manifest, store.bucket));
  if (!stored) return undefined;
  const body = parseManifest(stored.bytes);
  if (body?.trialId !== subject || stored.ref.sha256 !== manifest.sha256)
    throw failure("CorruptArtifact", `${manifest.uri} is not the manifest of a checkpoint of ${subject}`);
  return body.files.map(({ ref }) => ref.sha256);
}

function isCurrent(checkpoint: CheckpointRef, newest: number, starts: readonly EpochStart[]): boolean {
  const isKnown = starts.some(({ epoch }) => epoch === checkpoint.epoch);
  // A dispatch that is being prepared has no start yet, and has taken the subject over all the same.
  const isTakenOver = checkpoint.epoch < newest && !starts.some(({ epoch }) => epoch === newest);
  return isKnown && !isTakenOver && !isOvertaken(checkpoint, starts);
}

const movePointer = (
  tx: Queries,
  subject: string,
  { manifest, step, epoch }: CheckpointRef,
  files: string[],
) =>
  tx.query(
    `INSERT INTO checkpoints AS known (subject, step, epoch, manifest, files) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (subject, step) DO UPDATE SET epoch = excluded.epoch, manifest = excluded.manifest, files = excluded.files
     WHERE excluded.epoch >= known.epoch`,
    [subject, step, epoch, jsonb(manifest), files],
  );

/** A later checkpoint is on record: this one was committed before, and collected since. */
async function isPassed(tx: Queries, subject: string, step: number): Promise<boolean> {
  const { rowCount } = await tx.query("SELECT FROM checkpoints WHERE subject = $1 AND step > $2 LIMIT 1", [
    subject,
    step,
  ]);
  return rowCount === 1;
}

/**
 * Removes the manifests beyond `keep`, and notes which files nothing may name any longer. Of a trial whose end is on
 * record everything stays: its outcome, and the run's manifest, may name what is there.
 */
async function collect(
  db: Database,
  store: ObjectStore,
  { run, subject, checkpoint: committed, keep }: CommitInput,
): Promise<void> {
  if (await trialEnd(db, subject)) return;
  const listed = await listCheckpoints(store, run, subject);
  const starts = await epochStarts(db, subject);
  for (const checkpoint of toKeep(listed, starts, keep, committed).collect) {
    const read = await readCheckpoint(store, subject, checkpoint);
    await db.transaction(async (tx) => {
      await tx.query("DELETE FROM checkpoints WHERE subject = $1 AND step = $2 AND epoch = $3", [
        subject,
        checkpoint.step,
        checkpoint.epoch,
      ]);
      if (read)
        await noteGarbage(
          tx,
          read.body.files.map(({ ref }) => ref.sha256),
        );
    });
    await store.remove(checkpoint.key);
  }
}

const noteGarbage = (tx: Queries, hashes: string[]) =>
  tx.query(
    "INSERT INTO garbage (sha256) SELECT unnest($1::text[]) ON CONFLICT (sha256) DO UPDATE SET since = now()",
    [hashes],
  );
