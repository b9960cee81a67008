import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  TemporalFailure,
  TimeoutFailure,
} from "@temporalio/common";
import { isCancellation } from "@temporalio/workflow";
import type { CheckpointRef } from "../contracts/artifact";
import { inOurTerms, permanentErrors } from "../contracts/errors";
import type { TrainingHeartbeat } from "../contracts/skills";

/** What programming mistakes are called in both languages: the same call fails the same way again. */
const defects = [
  "TypeError",
  "ReferenceError",
  "RangeError",
  "SyntaxError",
  "ZodError",
  "ValueError",
  "KeyError",
  "IndexError",
  "AttributeError",
  "AssertionError",
  "NotImplementedError",
  "ValidationError",
] as const;

/** Failure types after which the same request is not made again. */
export const neverRetried: readonly string[] = [...permanentErrors, "Internal", ...defects];

/**
 * What became of a job.
 * - `cancelled`: asked to stop, and did.
 * - `engineLost`: the engine went away. `resident`: the job was on board, so it may be the cause; `silent`: nobody said
 *   what happened. `checkpoint` is the newest that the engine told of.
 * - `permanent`: the job itself is at fault, or we are.
 * - `transient`: worth another try.
 *
 * `gpuSeconds`: used for nothing, as far as was told.
 */
export type JobFailure =
  | { kind: "cancelled" }
  | {
      kind: "engineLost";
      resident: boolean;
      silent: boolean;
      checkpoint: CheckpointRef | null;
      gpuSeconds: number;
      message: string;
    }
  | { kind: "permanent"; type: string; message: string; gpuSeconds: number }
  | { kind: "transient"; type: string; message: string; gpuSeconds: number };

export function classifyFailure(error: unknown): JobFailure {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof CancelledFailure) return { kind: "cancelled" };
  if (cause instanceof TimeoutFailure) return classifyTimeout(cause);
  if (cause instanceof ApplicationFailure) return classifyApplicationFailure(cause);
  return { kind: "transient", ...inOurTerms(nameOf(cause), messageOf(cause)), gpuSeconds: 0 };
}

function classifyTimeout(timeout: TimeoutFailure): JobFailure {
  const last = lastWords(timeout.lastHeartbeatDetails);
  switch (timeout.timeoutType) {
    case "HEARTBEAT":
      return {
        kind: "engineLost",
        resident: true,
        silent: true,
        ...last,
        message: "the engine stopped to answer",
      };
    case "SCHEDULE_TO_START":
      return {
        kind: "engineLost",
        resident: false,
        silent: true,
        ...last,
        message: "the engine took no more work",
      };
    default:
      return {
        kind: "permanent",
        type: "Timeout",
        message: "the job ran longer than its timeout allows",
        gpuSeconds: last.gpuSeconds,
      };
  }
}

function classifyApplicationFailure(failure: ApplicationFailure): JobFailure {
  const type = failure.type ?? "Internal";
  const message = failure.message;
  const said = failure.details?.[0] as { resident?: boolean } | undefined;
  const last = lastWords(said);
  // An engine that was asked to stop says that the job is no suspect, and which checkpoint it left.
  if (type === "EngineLost")
    return { kind: "engineLost", resident: said?.resident !== false, silent: false, ...last, message };
  if (type === "Cancelled") return { kind: "cancelled" };
  const kind = failure.nonRetryable || neverRetried.includes(type) ? "permanent" : "transient";
  return { kind, ...inOurTerms(type, message), gpuSeconds: last.gpuSeconds };
}

/** What a heartbeat or a failure's details tell of the attempt that they end. */
function lastWords(said: unknown): { checkpoint: CheckpointRef | null; gpuSeconds: number } {
  const { checkpoint = null, gpuSeconds = 0 } = (said ?? {}) as Partial<TrainingHeartbeat>;
  return { checkpoint, gpuSeconds };
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "Internal");
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A failure of what was called, as opposed to a cancel and to a defect in the calling workflow. */
export const isCallFailure = (error: unknown): boolean =>
  error instanceof TemporalFailure && !isCancellation(error);

/** Type and message of a failure, for a row or a person: what was thrown at the bottom, not the wrappers. */
export function describeFailure(error: unknown): { type: string; message: string } {
  let cause = error;
  while (cause instanceof Error && cause.cause !== undefined && !(cause instanceof ApplicationFailure))
    cause = cause.cause;
  if (cause instanceof TimeoutFailure)
    return { type: "Timeout", message: `no answer in time (${cause.timeoutType})` };
  if (cause instanceof CancelledFailure) return { type: "Cancelled", message: cause.message };
  if (cause instanceof ApplicationFailure) return inOurTerms(cause.type ?? "Internal", cause.message);
  return inOurTerms(nameOf(cause), messageOf(cause));
}
