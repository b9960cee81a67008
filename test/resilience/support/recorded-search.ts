import { createObjectStore } from "../../../activities/artifacts/object-store";
import { loadManifest } from "../../../activities/manifest/load";
import type { RungRow } from "../../../activities/report/rows";
import { ExperimentSpec, SearchSpace } from "../../../workflows/contracts";
import type { RecordedTrial, SearchRecord } from "../../support/rederive-verdicts";
import type { Rig } from "./rig";

export type Settings = SearchRecord["settings"] & { space: SearchSpace };

/** What a run's search was asked to do, by its manifest. */
export async function settingsOf(rig: Rig, run: string): Promise<Settings> {
  const { statement } = await loadManifest(createObjectStore(rig.info.s3), run);
  const { externalParameters, internalParameters } = statement.predicate.buildDefinition;
  const { search, train, lora } = ExperimentSpec.parse(externalParameters.experiment);
  const { rows, packs } = internalParameters.dataset as { rows: { train: number }; packs: number | null };
  const plannedSteps = internalParameters.search.totalSteps as number;
  const space = SearchSpace.parse(internalParameters.search.space);
  return { search, train, lora, plannedSteps, sequences: packs ?? rows.train, space };
}

export const recordedTrials = (rig: Rig, run: string): Promise<RecordedTrial[]> =>
  rig.rows(
    `SELECT trial, state, params, tell_count AS "tellCount" FROM trials
     WHERE run = $1 AND replicate_of IS NULL ORDER BY trial`,
    [run],
  );

export const recordedRungs = (rig: Rig, run: string): Promise<RungRow[]> =>
  rig.rows(
    "SELECT ordinal, trial, rung, step, value, verdict, seen FROM rungs WHERE run = $1 ORDER BY ordinal",
    [run],
  );

/** The same rows under another run's name, to be altered. */
export async function copyRecord(rig: Rig, run: string, copy: string): Promise<void> {
  const renamed = (table: string, changes: string) =>
    rig.rows(
      `INSERT INTO ${table} SELECT (jsonb_populate_record(kept, ${changes})).* FROM ${table} AS kept WHERE run = $1`,
      [run, copy],
    );
  await renamed("runs", "jsonb_build_object('run', $2::text)");
  await renamed("trials", "jsonb_build_object('run', $2::text, 'trial_id', $2 || '/trial-' || kept.trial)");
  await renamed("rungs", "jsonb_build_object('run', $2::text)");
}
