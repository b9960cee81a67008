import { isCancellation, TemporalFailure } from "@temporalio/workflow";

/** A failure of what was called, as opposed to a cancel and to a defect in this code. */
export const hasFailed = (error: unknown): boolean =>
  error instanceof TemporalFailure && !isCancellation(error);
