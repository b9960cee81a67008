import { CommanderError } from "commander";
import { isMissingRequirement } from "../../infra/setup/missing.mjs";
import { BelayError, type BelayErrorCode, isInputError, RunFailedError, VerificationError } from "../errors";
import { isUnavailable } from "../grpc-errors";
import { InvalidExperimentError } from "../spec/issue";
import { ExitCode } from "./exit-codes";

/** Ctrl-C; the message says what goes on regardless. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** A command that cannot go on, with the line that a person can act on. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";

  constructor(
    readonly exitCode: ExitCode,
    message: string,
    readonly remedy?: string,
  ) {
    super(message);
  }
}

export interface Failure {
  exitCode: number;
  /** What standard error gets: what is wrong, and what to do about it. Never a stack trace. */
  lines: string[];
}

const BY_CODE: Record<BelayErrorCode, { exitCode: ExitCode; remedy?: string }> = {
  Unreachable: { exitCode: ExitCode.missing, remedy: "start the stack: npx belay up" },
  NoWorker: { exitCode: ExitCode.missing, remedy: "start what is not up: npx belay up" },
  NotFound: { exitCode: ExitCode.badInput, remedy: "see the runs there are: npx belay ls" },
  Closed: { exitCode: ExitCode.badInput },
  Rejected: { exitCode: ExitCode.badInput },
  BadArgument: { exitCode: ExitCode.badInput },
};

export function describeFailure(error: unknown): Failure {
  if (error instanceof CommanderError) return commander(error);
  if (error instanceof InvalidExperimentError)
    return { exitCode: ExitCode.badInput, lines: error.message.split("\n") };
  if (error instanceof Interrupted)
    return { exitCode: ExitCode.interrupted, lines: error.message.split("\n") };
  if (error instanceof BelayError) {
    const { exitCode, remedy } = BY_CODE[error.code];
    return told(exitCode, error.message, remedy);
  }
  if (error instanceof RunFailedError) return runFailed(error);
  if (error instanceof VerificationError)
    return told(codeOf(error.type), `${error.run} could not be verified: ${error.message}`);
  if (error instanceof CommandFailure) return told(error.exitCode, error.message, error.remedy);
  if (isMissingRequirement(error)) return told(ExitCode.missing, error.message, error.remedy);
  if (isUnavailable(error))
    return told(ExitCode.missing, "Temporal does not answer", BY_CODE.Unreachable.remedy);
  const message = error instanceof Error ? error.message || error.name : String(error);
  return told(isRefused(error) ? ExitCode.missing : ExitCode.failed, message, remedyFor(error));
}

const codeOf = (type: string): ExitCode => (isInputError(type) ? ExitCode.badInput : ExitCode.failed);

/** Nobody listens there: a server of the stack is not up. What was tried over several addresses failed on each. */
function isRefused(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ("code" in error && error.code === "ECONNREFUSED") return true;
  return isRefused(error.cause) || (error instanceof AggregateError && error.errors.some(isRefused));
}

function runFailed({ run, type, message }: RunFailedError): Failure {
  if (type === "Cancelled") return told(ExitCode.failed, `${run} was cancelled`);
  const again =
    type === "Terminated" || type === "TimedOut"
      ? undefined
      : "run it again with --new, once what it says is mended";
  return told(codeOf(type), `${run} failed (${type}): ${message}`, again);
}

function told(exitCode: number, message: string, remedy?: string): Failure {
  const lines = [`belay: ${message}`];
  if (remedy) lines.push(`       ${remedy}`);
  return { exitCode, lines };
}

/** Commander has printed its own message; only help and version are no mistakes. */
function commander({ code, exitCode }: CommanderError): Failure {
  const asked = exitCode === 0 || code === "commander.help" || code === "commander.helpDisplayed";
  return { exitCode: asked ? ExitCode.done : ExitCode.badInput, lines: [] };
}

function remedyFor(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOSPC") return "free some disk space and run the same command again";
  if (code === "EACCES" || code === "EPERM")
    return "see that you may write there, or run Belay as the owner of this checkout";
  if (isRefused(error) || code === "ECONNRESET")
    return "see what is up: npx belay status; start what is not: npx belay up";
  return undefined;
}
