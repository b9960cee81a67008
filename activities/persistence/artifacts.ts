import type { ArtifactRef } from "../../workflows/contracts";
import { jsonb, type Queries } from "./database";

export interface ArtifactRow {
  /** Path below the run's folder. */
  name: string;
  trial: number | null;
  kind: "adapter" | "metrics" | "merged" | "dataset" | "manifest" | "report";
  ref: ArtifactRef;
}

/** Notes what was published. Publishing the same name again replaces the row. */
export async function recordArtifacts(db: Queries, run: string, rows: readonly ArtifactRow[]): Promise<void> {
  await db.query(
    `INSERT INTO artifacts (run, name, trial, kind, uri, sha256, size_bytes, media_type)
     SELECT $1, name, trial, kind, ref->>'uri', ref->>'sha256', (ref->>'sizeBytes')::bigint, ref->>'mediaType'
     FROM jsonb_to_recordset($2::jsonb) AS a (name text, trial integer, kind text, ref jsonb)
     ON CONFLICT (run, name) DO UPDATE SET trial = excluded.trial, kind = excluded.kind, uri = excluded.uri,
       sha256 = excluded.sha256, size_bytes = excluded.size_bytes, media_type = excluded.media_type, created_at = now()`,
    [run, jsonb(rows)],
  );
}

export async function listArtifacts(db: Queries, run: string): Promise<ArtifactRow[]> {
  const { rows } = await db.query<ArtifactRow>(
    `SELECT name, trial, kind,
            jsonb_build_object('uri', uri, 'sha256', sha256, 'sizeBytes', size_bytes, 'mediaType', media_type) AS ref
     FROM artifacts WHERE run = $1 ORDER BY name COLLATE "C"`,
    [run],
  );
  return rows;
}
