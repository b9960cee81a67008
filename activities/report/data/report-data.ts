import type { DatasetProfile, ReproducibilityVerdict, TrialEndState } from "../../../workflows/contracts";

/** Everything the report says, computed once; the HTML and the Markdown only lay it out. */
export interface ReportData {
  run: { id: string; name: string; description: string; startedAt: string; seconds: number; code: string };
  objective: Objective;
  headline: Headline;
  facts: Fact[];
  comparison: Comparison | null;
  scores: ScoreTable;
  /** Rows that the scores were measured on. */
  split: Split;
  asked: Fact[];
  space: SpaceRow[];
  spaceProposed: boolean;
  weights: WeightsView | null;
  dataset: DatasetView | null;
  /** Tokens beyond which a row is truncated or dropped. */
  cutoff: number;
  trainsOnPrompt: boolean;
  trials: TrialView[];
  counts: Record<TrialViewState, number>;
  history: HistoryPoint[];
  curves: CurveChart[];
  curvesNote: string | null;
  importance: Importance;
  parallel: ParallelPlot;
  timeline: Timeline;
  gpu: GpuView;
  samples: SampleView[];
  winner: WinnerView | null;
  artifacts: ArtifactView[];
  artifactsNote: string | null;
  reproducibility: ReproducibilityView;
  warnings: string[];
  specYaml: string;
  /** The table of trials is cut to the best of them when there are very many. */
  tableLimit: number;
}

export type Split = "test" | "validation";

export interface Objective {
  metric: string;
  label: string;
  mode: "min" | "max";
}

export type HeadlineKind = "beats" | "unproven" | "worse" | "not-compared" | "no-winner" | "all-failed";

export interface Headline {
  kind: HeadlineKind;
  /** One sentence that answers the question of the run. */
  sentence: string;
  detail: string;
}

export interface Fact {
  label: string;
  value: string;
  note?: string;
}

export interface Comparison {
  metric: string;
  label: string;
  higherIsBetter: boolean;
  base: number;
  best: number;
  gain: number;
  low: number;
  high: number;
  beatsBase: boolean;
  examples: number;
  resamples: number;
}

/** Test scores: one row per metric, one column per scored thing (base, winner, baselines). */
export interface ScoreTable {
  columns: string[];
  rows: { metric: string; label: string; values: (number | null)[] }[];
}

export interface SpaceRow {
  key: string;
  range: string;
  reason: string | null;
  best: string | null;
}

export interface WeightsView {
  adapted: { name: string; shape: string; count: number }[];
  skipped: { name: string; shape: string; count: number; reason: string }[];
  baseParams: number;
  trainable: { min: number; max: number };
  memory: Fact[];
}

export interface DatasetView {
  facts: Fact[];
  profile: DatasetProfile;
}

export type TrialViewState = TrialEndState;

export interface TrialView {
  trial: number;
  subject: string;
  state: TrialViewState;
  /** The objective; for a pruned trial its last rung's value. */
  value: number | null;
  step: number;
  params: Record<string, unknown>;
  modelBased: boolean;
  /** Number of the wave it was proposed in, from 1. */
  wave: number;
  seed: number;
  replicateOf: number | null;
  gpuSeconds: number;
  trainableParams: number | null;
  /** 1 is best; null for a trial that cannot be ranked. */
  rank: number | null;
  isBest: boolean;
  /** Why it ended as it did. */
  ended: string;
}

export interface HistoryPoint {
  trial: number;
  value: number | null;
  state: TrialViewState;
  modelBased: boolean;
  bestSoFar: number | null;
}

export interface CurveChart {
  metric: string;
  label: string;
  log: boolean;
  domain: [number, number];
  series: {
    trial: number;
    state: TrialViewState;
    isBest: boolean;
    points: [step: number, value: number][];
  }[];
}

export interface Importance {
  /** none: nothing to say, and `explanation` says why. */
  confidence: "none" | "indicative" | "fair";
  ranked: number;
  explanation: string;
  rows: { key: string; score: number; noise: number; aboveNoise: boolean; bestValues: string }[];
}

export interface ParallelPlot {
  axes: ParallelAxis[];
  lines: ParallelLine[];
  note: string | null;
}

export interface ParallelAxis {
  key: string;
  label: string;
  ticks: { at: number; text: string }[];
}

export interface ParallelLine {
  trial: number;
  state: TrialViewState;
  isBest: boolean;
  /** Place on each axis from 0 to 1; null where the trial has no value. */
  at: (number | null)[];
  /** Colour step from 0 (worst) to 6 (best); null without a value. */
  shade: number | null;
}

export interface Timeline {
  rungSteps: number[];
  lastStep: number;
  waves: { wave: number; rows: TimelineRow[] }[];
  rungs: {
    wave: number;
    rung: number;
    step: number;
    reported: number;
    kept: number;
    pruned: number;
    cut: number | null;
  }[];
  note: string | null;
}

export interface TimelineRow {
  trial: number;
  state: TrialViewState;
  isBest: boolean;
  step: number;
  reports: { step: number; value: number | null; verdict: "continue" | "prune" }[];
  ended: string;
}

export interface GpuView {
  /** What the seconds were spent on: CPU where no engine had a GPU. */
  processor: "GPU" | "CPU";
  training: number;
  evaluation: number;
  perTrial: { trial: number; seconds: number; state: TrialViewState; isBest: boolean }[];
  byState: { state: TrialViewState; seconds: number }[];
  /** Share of the planned steps that pruning saved; null when trials have different lengths. */
  savedShare: number | null;
  note: string | null;
}

export interface SampleView {
  prompt: string;
  expected: string;
  base: string | null;
  best: string | null;
  baseRight: boolean | null;
  bestRight: boolean | null;
}

export interface WinnerView {
  trial: number;
  reason: string;
  params: Fact[];
  trainableParams: number | null;
  fetch: string;
  python: string;
  files: ArtifactView[];
  merge: {
    passed: boolean;
    maxLogitDifference: number;
    tolerance: number;
    rows: number;
    files: ArtifactView[];
  } | null;
  hubUrl: string | null;
}

export interface ArtifactView {
  name: string;
  sizeBytes: number;
  sha256: string;
  uri: string;
}

export interface ReproducibilityView {
  verdict: ReproducibilityVerdict | null;
  sentence: string;
  promise: string;
  command: string;
  manifest: ArtifactView;
}
