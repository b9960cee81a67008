import { ApplicationFailure } from "@temporalio/common";
import { type ErrorType, isPermanent } from "../workflows/contracts/errors";

interface FailureOptions {
  details?: unknown[];
  cause?: unknown;
}

/** A failure that workflows and clients can tell apart by its type; retried unless the type says that it is useless. */
export function failure(type: ErrorType, message: string, { details, cause }: FailureOptions = {}): ApplicationFailure {
  return ApplicationFailure.create({
    type,
    message,
    nonRetryable: isPermanent(type),
    details: details ?? [],
    cause: cause instanceof Error ? cause : undefined,
  });
}
