import type { ErrorType, ExperimentResult } from "../workflows/contracts";

/** Why a call on a run did not succeed, for callers to branch on. */
export type BelayErrorCode =
  | "Unreachable" // Temporal does not answer
  | "NoWorker" // Temporal answers, but no kernel worker does
  | "NotFound" // no such run
  | "Closed" // the run has ended and takes no further instructions
  | "Rejected" // the run refused the instruction
  | "BadArgument"; // the call itself is wrong

export class BelayError extends Error {
  override readonly name = "BelayError";

  constructor(
    readonly code: BelayErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The run ended without a result. */
export class RunFailedError extends Error {
  override readonly name = "RunFailedError";

  constructor(
    readonly run: string,
    /** One of the contract's error types, or what Temporal says of the end. */
    readonly type: ErrorType | "Terminated" | "TimedOut" | (string & {}),
    message: string,
    /** What there is to know all the same, of a search in which no trial completed. */
    readonly result: ExperimentResult | null = null,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A verification that did not come to a verdict. */
export class VerificationError extends Error {
  override readonly name = "VerificationError";

  constructor(
    readonly run: string,
    readonly type: RunFailedError["type"],
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const INPUT_ERRORS: ReadonlySet<string> = new Set<ErrorType>([
  "InvalidSpec",
  "InvalidDataset",
  "ModelUnavailable",
  "DoesNotFit",
  "Unsupported",
  "NotFound",
]);

/** Whether a person must change the experiment or its files before it can succeed. */
export const isInputError = (type: string): boolean => INPUT_ERRORS.has(type);
