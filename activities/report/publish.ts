import type { PublishedArtifact } from "../../workflows/contracts";
import { runKey } from "../artifacts/keys";
import type { ObjectStore } from "../artifacts/object-store";
import type { Queries } from "../persistence/database";

export interface ReportFile {
  name: "report.html" | "report.md";
  text: string;
  mediaType: string;
}

/** Content-addressed for whoever kept the hash, and under the run's name for people; the row comes last. */
export async function publish(
  { store, db }: { store: Pick<ObjectStore, "put" | "putNamed">; db: Queries },
  run: string,
  { name, text, mediaType }: ReportFile,
): Promise<PublishedArtifact> {
  const bytes = Buffer.from(text, "utf8");
  await store.put(bytes, mediaType);
  const { uri, sha256, sizeBytes } = await store.putNamed(runKey(run, name), bytes, mediaType);
  await db.query(
    `INSERT INTO artifacts (run, name, trial, kind, uri, sha256, size_bytes, media_type)
     VALUES ($1, $2, NULL, 'report', $3, $4, $5, $6)
     ON CONFLICT (run, name) DO UPDATE
     SET uri = excluded.uri, sha256 = excluded.sha256, size_bytes = excluded.size_bytes, media_type = excluded.media_type`,
    [run, name, uri, sha256, sizeBytes, mediaType],
  );
  return { uri, sha256, sizeBytes };
}
