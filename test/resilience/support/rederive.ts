import { expect } from "vitest";
import type { RungRow } from "../../../activities/report/rows";
import { rederiveVerdicts } from "../../support/rederive-verdicts";
import { recordedRungs, recordedTrials, settingsOf } from "./recorded-search";
import { type RederivedProposal, rederiveProposals } from "./rederive-proposals";
import type { Rig } from "./rig";

export interface Rederived {
  proposals: RederivedProposal[];
  /** Those that the record does not lead to. */
  strayed: RederivedProposal[];
  recorded: RungRow[];
  derived: RungRow[];
}

/** Every proposal and verdict on record beside what the record leads to. A copy has the settings of its original. */
export async function rederive(rig: Rig, run: string, original = run): Promise<Rederived> {
  const settings = await settingsOf(rig, original);
  const proposals = await rederiveProposals(rig, run, settings);
  const recorded = await recordedRungs(rig, run);
  const derived = rederiveVerdicts({ settings, trials: await recordedTrials(rig, run), rungs: recorded });
  return { proposals, strayed: proposals.filter(({ matches }) => !matches), recorded, derived };
}

export async function expectFollowsFromItsRecord(rig: Rig, run: string, trials: number): Promise<void> {
  const { proposals, strayed, recorded, derived } = await rederive(rig, run);
  expect(proposals.map(({ trial }) => trial)).toEqual(Array.from({ length: trials }, (_, trial) => trial));
  expect(strayed, `proposals of ${run}`).toEqual([]);
  expect(derived, `verdicts of ${run}`).toEqual(recorded);
  // Something had to be derived: a model's proposal, and a verdict against a trial.
  expect(proposals.some(({ modelBased }) => modelBased)).toBe(true);
  expect(recorded.some(({ verdict }) => verdict === "prune")).toBe(true);
}
