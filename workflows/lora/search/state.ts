import type { TrialCounts, TrialRow } from "../../contracts/messages";
import type { Metrics, TrialEndState, TrialParams, Verdict } from "../../contracts/trial";
import type { Finalist } from "./ranking";

/** An open trial as its experiment knows it. Small: up to 256 of these are carried along. */
export interface LiveTrial {
  trial: number;
  params: TrialParams;
  modelBased: boolean;
  seed: number;
  replicateOf: number | null;
  totalSteps: number;
  bracket: number;
  state: "pending" | "running" | "waiting";
  /** Rungs reported so far, and what the last report said; `metrics` only while it waits for the cohort's verdict. */
  reports: number;
  value: number | null;
  metrics: Metrics;
  /** Rungs decided so far, and whether the last decision was to prune; the first `sent` were told to the trial. */
  decided: number;
  pruned: boolean;
  sent: number;
}

export const verdictAt = (trial: LiveTrial, rung: number): Verdict =>
  trial.pruned && rung === trial.decided - 1 ? "prune" : "continue";

/** A member of the wave that has ended, as far as its cohort still needs it. */
export interface LostMember {
  trial: number;
  state: TrialEndState;
  /** Rungs at which it was told to go on. */
  survived: number;
  totalSteps: number;
  /** Null unless it may be the best. */
  value: number | null;
}

/** Trials proposed together, judged together. Present in synchronous searches only. */
export interface Wave {
  index: number;
  bracket: number;
  members: number[];
  ended: LostMember[];
  /** Tells before the wave: member i is told with ordinal base + i, in whatever order they end. */
  base: number;
  /** The best value before the wave. */
  bestBefore: number | null;
}

/** What is known of a search beside its open trials and its rungs' costs. */
export interface SearchFacts {
  /** `replicates`: the finalists are being rerun. */
  phase: "search" | "replicates";
  nextTrial: number;
  /** Trials proposed by the sampler so far; the rest of `nextTrial` are replicates. */
  proposed: number;
  exhausted: boolean;
  /** Why no further trial was proposed, once that is so. */
  endedBecause: string | null;
  wave: Wave | null;
  waves: number;
  tells: number;
  rungReports: number;
  counts: TrialCounts;
  gpuSeconds: number;
  best: { trial: number; value: number; params: TrialParams } | null;
  /** Told trials since `best` last changed; in a synchronous search of the waves that have ended, in their order. */
  sinceImprovement: number;
  finalists: Finalist[];
  /** The newest ended trials, for people; at most 100. */
  ended: TrialRow[];
  /** Ended trials that the mirror study does not have yet. */
  unmirrored: number[];
}

/** The search as carried over a continue-as-new. Plain JSON, bounded whatever the number of trials. */
export interface SearchState extends SearchFacts {
  live: LiveTrial[];
  /** Packed costs by rung, see `RungWindows`. */
  windows: Record<string, string>;
}

export const newSearch = (): SearchState => ({
  phase: "search",
  nextTrial: 0,
  proposed: 0,
  exhausted: false,
  endedBecause: null,
  live: [],
  wave: null,
  waves: 0,
  tells: 0,
  rungReports: 0,
  windows: {},
  counts: { pending: 0, running: 0, completed: 0, pruned: 0, diverged: 0, failed: 0, cancelled: 0 },
  gpuSeconds: 0,
  best: null,
  sinceImprovement: 0,
  finalists: [],
  ended: [],
  unmirrored: [],
});
