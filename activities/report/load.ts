import { type ArtifactRef, DatasetProfile, trainerEvents } from "../../workflows/contracts";
import type { ObjectStore } from "../artifacts/object-store";
import { failure } from "../failure";
import type { Queries } from "../persistence/database";
import type { CurvePoint, RunFacts } from "./rows";

export async function loadRun(db: Queries, run: string): Promise<RunFacts> {
  const { rows } = await db.query<RunFacts>(
    `SELECT run, name, state, created_at AS "createdAt", ended_at AS "endedAt",
            ARRAY(SELECT DISTINCT data->>'device' FROM trace_events AS event
                  WHERE event.run = runs.run AND kind = $2 AND data ? 'device' ORDER BY 1) AS devices
     FROM runs WHERE run = $1`,
    [run, trainerEvents.environment],
  );
  const found = rows[0];
  if (!found) throw failure("NotFound", `no run ${run} on record`);
  return found;
}

/** A curve has no more points than can be told apart on the page. */
const pointsPerCurve = 120;

/** Curves of the named subjects; a long one is averaged over neighbouring steps by the database. */
export async function loadCurves(db: Queries, subjects: string[], names: string[]): Promise<CurvePoint[]> {
  const { rows } = await db.query<CurvePoint>(
    `WITH numbered AS (
       SELECT trial_id, name, step, value,
              row_number() OVER one_curve - 1 AS place, count(*) OVER (PARTITION BY trial_id, name) AS points
       FROM metrics
       WHERE trial_id = ANY($1) AND name = ANY($2)
       WINDOW one_curve AS (PARTITION BY trial_id, name ORDER BY step)
     )
     SELECT trial_id AS subject, name, max(step) AS step, avg(value) AS value
     FROM numbered
     GROUP BY trial_id, name, place * $3 / greatest(points, $3)
     ORDER BY trial_id, name, step`,
    [subjects, names, pointsPerCurve],
  );
  return rows;
}

/** A report without its profile is better than none: an unreadable one is left out, and the report says so. */
export async function loadProfile(
  store: Pick<ObjectStore, "get">,
  ref: ArtifactRef | null,
): Promise<DatasetProfile | null> {
  if (!ref) return null;
  const parsed = DatasetProfile.safeParse(JSON.parse((await store.get(ref)).toString("utf8")));
  return parsed.success ? parsed.data : null;
}
