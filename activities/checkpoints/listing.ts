import { CheckpointManifest, type CheckpointRef } from "../../workflows/contracts";
import type { ObjectStore } from "../artifacts/object-store";
import { checkpointPrefix, parseCheckpointKey } from "./keys";

export interface ListedCheckpoint {
  key: string;
  step: number;
  epoch: number;
}

export interface ReadCheckpoint extends CheckpointRef {
  body: CheckpointManifest;
}

/** Every checkpoint manifest of a subject in the store, newest first: also those that nobody has reported yet. */
export async function listCheckpoints(
  store: ObjectStore,
  run: string,
  subject: string,
): Promise<ListedCheckpoint[]> {
  const objects = await store.list(checkpointPrefix(run, subject));
  return objects
    .flatMap(({ key }) => {
      const parsed = parseCheckpointKey(key);
      return parsed ? [{ key, ...parsed }] : [];
    })
    .sort((a, b) => b.step - a.step || b.epoch - a.epoch);
}

/** A manifest as it is stored; undefined when it is gone, not a manifest, or another subject's. */
export async function readCheckpoint(
  store: ObjectStore,
  subject: string,
  { key, step, epoch }: ListedCheckpoint,
): Promise<ReadCheckpoint | undefined> {
  const stored = await store.read(key);
  if (!stored) return undefined;
  const body = parseManifest(stored.bytes);
  if (!body || body.trialId !== subject || body.step !== step || body.epoch !== epoch) return undefined;
  return { manifest: { ...stored.ref, mediaType: "application/json" }, step, epoch, body };
}

export function parseManifest(bytes: Buffer): CheckpointManifest | undefined {
  try {
    const parsed = CheckpointManifest.safeParse(JSON.parse(bytes.toString("utf8")));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
