import { ApplicationFailure } from "@temporalio/common";
import { failure } from "../failure";

interface StoreError {
  code?: string;
  message?: string;
  name?: string;
}

export const isMissing = (error: unknown): boolean =>
  ["NoSuchKey", "NotFound", "NoSuchVersion"].includes((error as StoreError)?.code ?? "");

const fullDisk = ["XMinioStorageFull", "ENOSPC", "EDQUOT"];

const refusedByFileSystem = ["EACCES", "EPERM", "EROFS", "EISDIR", "ENOTDIR", "EEXIST"];

const refusedKeys = ["InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied"];

/** In our own terms what the S3 client or the local file system reported. */
export function explainStoreError(error: unknown, endpoint: string, uri: string): unknown {
  if (error instanceof ApplicationFailure) return error;
  const { code = "", message = "", name = "" } = error as StoreError;
  const reason = message || code || name || String(error);
  if (isMissing(error)) return failure("NotFound", `${uri} does not exist`, { cause: error });
  if (fullDisk.includes(code))
    return failure("DiskFull", `no space left while ${uri} was handled: ${reason}`, { cause: error });
  if (refusedByFileSystem.includes(code))
    return failure("Internal", `cannot write a copy of ${uri}: ${reason}`, { cause: error });
  if (refusedKeys.includes(code))
    return failure("StorageUnavailable", `the object store at ${endpoint} refuses our access key (${code})`, {
      cause: error,
    });
  return failure(
    "StorageUnavailable",
    `the object store at ${endpoint} does not answer for ${uri}: ${reason}`,
    { cause: error },
  );
}
