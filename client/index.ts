/**
 * `belay/client`: start, follow and steer runs from TypeScript.
 *
 * @module
 */
export type {
  ExperimentInput,
  ExperimentResult,
  ExperimentSpec,
  ReproducibilityVerdict,
  RunState,
  RunStatus,
  TrialRow,
  VerifyLevel,
} from "../workflows/contracts";
export { Belay, type Started, type StartOptions } from "./belay";
export type { ConnectOptions } from "./connection";
export { BelayError, type BelayErrorCode, isInputError, RunFailedError, VerificationError } from "./errors";
export type { ListedRun } from "./list";
export type { PendingWork } from "./pending-work";
export { Run } from "./run";
export { InvalidExperimentError, type LocatedIssue } from "./spec/issue";
export { type LoadedExperiment, loadExperimentFile } from "./spec/load";
export type { Verification } from "./verification";
