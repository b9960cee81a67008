import { blobKey } from "../artifacts/keys";
import type { ObjectStore } from "../artifacts/object-store";
import type { Database } from "../persistence/database";
import { listCheckpoints, readCheckpoint } from "./listing";

/**
 * Deletes content-addressed files that were noted as garbage before `before`, unless something names them after all:
 * a committed checkpoint, a published artifact, or a manifest of an open run that nobody has reported yet. Only
 * versions older than the note go, so a writer that stored the same bytes again meanwhile loses nothing.
 */
export async function sweepGarbage(
  { db, store }: { db: Database; store: ObjectStore },
  before: Date,
): Promise<string[]> {
  const { rows } = await db.query<{ sha256: string; since: Date }>(
    "SELECT sha256, since FROM garbage WHERE since < $1",
    [before],
  );
  if (rows.length === 0) return [];
  const unreported = await filesOfOpenRuns(db, store);
  const swept: string[] = [];
  for (const { sha256, since } of rows) {
    const isNamed = unreported.has(sha256) || (await isReferenced(db, sha256));
    if (!isNamed) {
      await store.purge(blobKey(sha256), since);
      swept.push(sha256);
    }
    await db.query("DELETE FROM garbage WHERE sha256 = $1 AND since = $2", [sha256, since]);
  }
  return swept;
}

async function isReferenced(db: Database, sha256: string): Promise<boolean> {
  const { rows } = await db.query<{ named: boolean }>(
    "SELECT EXISTS (SELECT FROM checkpoints WHERE files @> ARRAY[$1]) OR EXISTS (SELECT FROM artifacts WHERE sha256 = $1) AS named",
    [sha256],
  );
  return rows[0]?.named === true;
}

/** Of trials that have ended, what counts is committed. */
async function filesOfOpenRuns(db: Database, store: ObjectStore): Promise<Set<string>> {
  const { rows } = await db.query<{ run: string; subject: string }>(
    `SELECT subjects.run, subject FROM subjects JOIN runs USING (run) LEFT JOIN trials ON trial_id = subject
     WHERE runs.ended_at IS NULL AND trials.ended_at IS NULL`,
  );
  const files = new Set<string>();
  for (const { run, subject } of rows)
    for (const listed of await listCheckpoints(store, run, subject)) {
      const read = await readCheckpoint(store, subject, listed);
      for (const { ref } of read?.body.files ?? []) files.add(ref.sha256);
    }
  return files;
}
