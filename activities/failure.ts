import { ApplicationFailure } from "@temporalio/common";
import { type ErrorType, isPermanent } from "../workflows/contracts/errors";

interface FailureOptions {
  details?: unknown[];
  cause?: unknown;
  /** The same request cannot succeed, although the type alone does not say so. */
  permanent?: boolean;
}

/** A failure that workflows and clients can tell apart by its type; retried unless the type says that it is useless. */
export function failure(
  type: ErrorType,
  message: string,
  { details, cause, permanent = isPermanent(type) }: FailureOptions = {},
): ApplicationFailure {
  return ApplicationFailure.create({
    type,
    message,
    nonRetryable: permanent,
    details: details ?? [],
    cause: cause instanceof Error ? cause : undefined,
  });
}
