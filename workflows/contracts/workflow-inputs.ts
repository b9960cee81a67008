import type { VerifyLevel } from "./messages";
import type { ResolvedSpec } from "./resolved";
import type { TokenisedDataset } from "./skills";
import type { TrialConfig, TrialParams } from "./trial";

/**
 * Second argument of `experimentWorkflow`, all of it optional. The first is the experiment as written. A person may
 * set `options`; `carried` is written by the workflow itself when it continues as new.
 */
export interface ExperimentContinuation {
  version: 1;
  options?: ExperimentOptions;
  carried?: unknown;
}

export interface ExperimentOptions {
  /** Continue as new at this many history events, if Temporal does not suggest it earlier. */
  maxHistoryLength?: number;
  /** Seconds between two checks that the workflows of running trials still exist. Default 60. */
  reconcileSeconds?: number;
}

/** Input of `trialWorkflow`: everything the trial needs, so that its parent may continue as new meanwhile. */
export interface TrialInput {
  /** The experiment's workflow id, and the first run id of its chain. */
  run: string;
  chain: string;
  trial: number;
  replicateOf: number | null;
  params: TrialParams;
  /** As proposed: by a model of the search so far. Absent in inputs of versions that did not say it. */
  modelBased?: boolean;
  config: TrialConfig;
  resolved: ResolvedSpec;
  dataset: TokenisedDataset;
  totalSteps: number;
  /** Steps at which the trial reports and waits for a verdict, ascending, all below `totalSteps`. */
  rungs: number[];
  /** What a rung reports. */
  rungMetric: string;
  /** Verdicts wait for other trials: give the seat back meanwhile. */
  synchronous: boolean;
  /** Seconds until the first check that the experiment is still open; then twice as long each time, up to half an hour.
   * Default 300. */
  orphanCheckSeconds?: number;
}

/** Input of `verifyWorkflow`: checks a finished run from its manifest alone. */
export interface VerifyInput {
  run: string;
  /** Default: L0 to L2, and L3 where the manifest promises bitwise repetition. */
  levels?: VerifyLevel[];
}
