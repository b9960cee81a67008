import { ApplicationFailure } from "@temporalio/common";
import type { ArtifactRef } from "../../workflows/contracts";
import { walPrefix } from "../artifacts/keys";
import { keyOf, type ObjectStore } from "../artifacts/object-store";
import { failure } from "../failure";
import type { Database } from "../persistence/database";
import {
  insertEvents,
  insertMetrics,
  insertResumptions,
  lockTrace,
  metricsOf,
  resumptionsOf,
} from "../persistence/trace";
import { readSegment } from "./segment";

interface Dependencies {
  db: Database;
  store: ObjectStore;
}

/**
 * Reads segments into rows, each event once however often it is shipped. Without segments, everything of the run
 * that lies in the store and has not been read.
 */
export async function ingestTrace(
  deps: Dependencies,
  run: string,
  segments: readonly ArtifactRef[],
): Promise<{ events: number }> {
  const named = segments.map((ref) => ({ key: keyOf(ref, deps.store.bucket), sizeBytes: ref.sizeBytes }));
  const known = await readSegments(deps.db, run, named.length > 0 ? named.map(({ key }) => key) : null);
  const listed = named.length > 0 ? named : await deps.store.list(walPrefix(run));
  let events = 0;
  let damage: unknown;
  for (const { key, sizeBytes } of listed) {
    // A log only grows, so an object of the same name and size has been read.
    if (known.has(`${key}\0${sizeBytes}`)) continue;
    try {
      events += await ingestSegment(deps, run, key);
    } catch (error) {
      if (!isDamage(error)) throw error;
      damage ??= error;
    }
  }
  // One that is damaged keeps no other from being read.
  if (damage !== undefined) throw damage;
  return { events };
}

const isDamage = (error: unknown): boolean =>
  error instanceof ApplicationFailure && error.type === "CorruptArtifact";

/** The segments that have been read, of these keys or of all. */
async function readSegments(db: Database, run: string, keys: string[] | null): Promise<Set<string>> {
  const { rows } = await db.query<{ key: string; size_bytes: number }>(
    "SELECT key, size_bytes FROM wal_segments WHERE run = $1 AND ($2::text[] IS NULL OR key = ANY($2))",
    [run, keys],
  );
  return new Set(rows.map(({ key, size_bytes }) => `${key}\0${size_bytes}`));
}

/**
 * The segment is taken as it lies there: one that was shipped again after a crash may hold more than the reference
 * said, and each line vouches for itself.
 */
async function ingestSegment({ db, store }: Dependencies, run: string, key: string): Promise<number> {
  const stored = await store.read(key);
  if (!stored) throw failure("NotFound", `the trace segment ${key} does not exist`);
  const { events, corrupt } = readSegment(stored.bytes);
  const foreign = events.find((event) => event.run !== run);
  if (foreign)
    throw failure(
      "CorruptArtifact",
      `the trace segment ${key} holds an event of another run, ${foreign.run}`,
    );
  const added = await db.transaction(async (tx) => {
    await lockTrace(tx, run);
    const count = await insertEvents(tx, events);
    await insertResumptions(tx, resumptionsOf(events));
    await insertMetrics(tx, metricsOf(events));
    if (!corrupt)
      await tx.query(
        "INSERT INTO wal_segments (run, key, sha256, size_bytes) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        [run, key, stored.ref.sha256, stored.ref.sizeBytes],
      );
    return count;
  });
  if (corrupt)
    throw failure(
      "CorruptArtifact",
      `the trace segment ${key} is damaged in line ${corrupt.line}: ${corrupt.reason}`,
    );
  return added;
}
