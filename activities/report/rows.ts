import type { RunState } from "../../workflows/contracts";
import type { StoredRung } from "../persistence/read-rungs";
import type { StoredTrial } from "../persistence/read-trials";

/** Rows as the report reads them. */
export interface RunFacts {
  run: string;
  name: string;
  state: RunState;
  createdAt: Date;
  endedAt: Date | null;
  /** What the engines ran on, as they tell it (`cuda …`, `cpu AVX512 x2`); empty when none did. */
  devices: string[];
}

export type TrialRecord = Pick<
  StoredTrial,
  | "trial"
  | "state"
  | "params"
  | "modelBased"
  | "tellCount"
  | "seed"
  | "replicateOf"
  | "tellOrdinal"
  | "value"
  | "step"
  | "trainableParams"
  | "gpuSeconds"
  | "error"
  | "endedAt"
> & { subject: string };

export type RungRow = StoredRung;

export interface CurvePoint {
  subject: string;
  name: string;
  step: number;
  value: number;
}
