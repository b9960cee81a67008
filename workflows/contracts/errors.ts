import { z } from "zod";

/**
 * The closed list of `ApplicationFailure.type` values that may cross a process or language boundary.
 * Those in `permanentErrors` are never retried.
 */
export const ErrorType = z
  .enum([
    "InvalidSpec", // the experiment is wrong: a person must change it
    "InvalidDataset", // the rows are wrong: a person must change them
    "ModelUnavailable", // unknown path or id, pickle-only weights, remote code needed
    "DoesNotFit", // the base does not fit the device
    "Unsupported", // a known option that this version refuses
    "EngineLost", // the engine died with the job on board; no fault of the job
    "NoSeat", // the engine could not make room in time; the request goes back to the pool
    "CrashesEngine", // the job killed an engine that it had to itself, or silenced three
    "StaleEpoch", // a newer dispatch of the same job exists
    "CorruptArtifact", // bytes do not match their hash
    "StorageUnavailable", // Postgres, the object store or the hub did not answer; asked again, it may
    "DiskFull", // no space left where a file had to be written
    "NoTrialCompleted", // the search ended without one completed trial; the failure's details hold the result
    "NotFound", // the named run, trial or artifact does not exist
    "Cancelled", // asked to stop, and did
    "Timeout", // not done in the time that it was given
    "Internal", // a defect of ours
  ])
  .meta({ id: "ErrorType" });
export type ErrorType = z.infer<typeof ErrorType>;

export const permanentErrors: readonly ErrorType[] = [
  "InvalidSpec",
  "InvalidDataset",
  "ModelUnavailable",
  "DoesNotFit",
  "Unsupported",
  "CrashesEngine",
  "StaleEpoch",
  "CorruptArtifact",
  "NoTrialCompleted",
  "NotFound",
  "Timeout",
];

/** A failure in the words of the closed list: what is named otherwise, such as a class, is a defect of ours. */
export function inOurTerms(type: string, message: string): { type: ErrorType; message: string } {
  const known = ErrorType.safeParse(type);
  if (known.success) return { type: known.data, message };
  return { type: "Internal", message: type === "Error" ? message : `${type}: ${message}` };
}

/** Errors after which the same request cannot succeed. */
export const isPermanent = (type: string | undefined | null): boolean =>
  permanentErrors.includes(type as ErrorType);
