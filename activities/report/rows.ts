import type { RunState, TrialParams, TrialState, Verdict } from "../../workflows/contracts";

/** Rows as the report reads them. */
export interface RunRow {
  run: string;
  name: string;
  state: RunState;
  createdAt: Date;
  endedAt: Date | null;
}

export interface TrialRecord {
  trial: number;
  subject: string;
  state: TrialState;
  params: TrialParams;
  modelBased: boolean;
  tellCount: number;
  seed: number;
  replicateOf: number | null;
  tellOrdinal: number | null;
  value: number | null;
  step: number;
  trainableParams: number | null;
  gpuSeconds: number;
  error: { type: string; message: string } | null;
  endedAt: Date | null;
}

export interface RungRow {
  ordinal: number;
  trial: number;
  rung: number;
  step: number;
  value: number | null;
  verdict: Verdict;
  seen: number;
}

export interface CurvePoint {
  subject: string;
  name: string;
  step: number;
  value: number;
}

export interface ArtifactRow {
  name: string;
  trial: number | null;
  kind: string;
  uri: string;
  sha256: string;
  sizeBytes: number;
}
