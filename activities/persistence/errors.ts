import { ApplicationFailure } from "@temporalio/common";
import { failure } from "../failure";

interface DriverError {
  code?: string;
  message?: string;
  errors?: DriverError[];
}

const DISK_FULL = "53100";

/** Serialisation failure and deadlock: the same transaction may succeed when it is run again. */
export const isTransactionConflict = (error: unknown): boolean =>
  ["40001", "40P01"].includes((error as DriverError)?.code ?? "");

/** What a busy server answers: a statement took too long, a lock was not to be had, others went first. */
const isBusy = (code: string): boolean => ["57014", "55P03", "40001", "40P01"].includes(code);

/** Connection refused or lost, server starting, stopping or busy, too many clients, wrong password. */
function isUnavailable({ code = "", message = "" }: DriverError): boolean {
  if (isBusy(code)) return true;
  if (/^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ENOENT)/.test(code)) return true;
  if (/^(08|57P|53300|28|3D000)/.test(code)) return true;
  return /connection (terminated|timeout|ended)|timeout exceeded when trying to connect|Client has encountered a connection error/i.test(
    message,
  );
}

/** In our own terms what a driver reported. */
export function explainDatabaseError(error: unknown, where: string): unknown {
  if (error instanceof ApplicationFailure) return error;
  const { code, message, errors } = error as DriverError;
  const reason = message || errors?.map((each) => each.message).join("; ") || code || String(error);
  if (code === DISK_FULL)
    return failure("DiskFull", `PostgreSQL at ${where} has no space left`, { cause: error });
  if (isUnavailable(error as DriverError))
    return failure("StorageUnavailable", `PostgreSQL at ${where} does not answer: ${reason}`, {
      cause: error,
    });
  // A statement that no repetition makes right.
  return failure("Internal", `PostgreSQL refused a statement: ${reason}`, { cause: error, permanent: true });
}
