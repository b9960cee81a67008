import {
  isGrpcDeadlineError,
  isGrpcServiceError,
  ServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from "@temporalio/client";
import { BelayError } from "./errors";

/** gRPC's own numbers; importing its library for four of them would be a dependency more. */
const Grpc = { notFound: 5, failedPrecondition: 9, unavailable: 14 } as const;

/** Whether the service was not there to answer, so that asking again may help. */
export function isUnavailable(error: unknown): boolean {
  return (
    grpcCode(error) === Grpc.unavailable ||
    (error instanceof Error && /Failed to connect before the deadline/.test(error.message))
  );
}

/** Whether no worker took the question in time; a query or an update needs one. */
export function isUnanswered(error: unknown): boolean {
  return (
    (error instanceof Error && isGrpcDeadlineError(error)) ||
    error instanceof WorkflowUpdateRPCTimeoutOrCancelledError ||
    (grpcCode(error) === Grpc.failedPrecondition && /no poller/i.test(messageOf(error)))
  );
}

export const unreachable = (address: string, cause: unknown): BelayError =>
  new BelayError("Unreachable", `Temporal does not answer at ${address}`, { cause });

/** The same failure in terms of runs, for a person or for a caller to branch on. */
export function translateError(error: unknown, run: string, address: string): Error {
  if (isUnavailable(error)) return unreachable(address, error);
  if (isUnanswered(error))
    return new BelayError("NoWorker", `Temporal answers at ${address}, but no kernel worker does`, {
      cause: error,
    });
  if (error instanceof WorkflowUpdateFailedError)
    return new BelayError("Rejected", error.cause?.message ?? error.message, { cause: error });
  if (error instanceof WorkflowNotFoundError || grpcCode(error) === Grpc.notFound)
    return /already completed/i.test(messageOf(error))
      ? new BelayError("Closed", `${run} has ended already`, { cause: error })
      : new BelayError("NotFound", `there is no run ${run}`, { cause: error });
  return error instanceof Error ? error : new Error(String(error));
}

/** The gRPC status of an error or of what caused it. */
function grpcCode(error: unknown): number | undefined {
  for (let each: unknown = error; each instanceof Error; each = each.cause)
    if (isGrpcServiceError(each)) return each.code;
  return undefined;
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof ServiceError && error.cause instanceof Error
    ? `${error.message}: ${error.cause.message}`
    : error.message;
}
