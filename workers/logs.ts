import type { LogLevel, LogMetadata, Logger as TemporalLogger } from "@temporalio/worker";
import { type Logger, pino } from "pino";
import { parseTrialId } from "../workflows/contracts";

/** JSON lines on stderr. */
export const createLogger = (name: string, level: string): Logger =>
  pino(
    {
      name,
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: true }),
  );

const levels: Record<LogLevel, "trace" | "debug" | "info" | "warn" | "error"> = {
  TRACE: "trace",
  DEBUG: "debug",
  INFO: "info",
  WARN: "warn",
  ERROR: "error",
};

/** The SDK's logger, ours: workflow and activity logs carry run and trial. */
export function temporalLogger(log: Logger): TemporalLogger {
  const write = (level: LogLevel, message: string, meta: LogMetadata = {}) => {
    log[levels[level]]({ ...subjectOf(meta.workflowId), ...readable(meta) }, message);
  };
  return {
    log: write,
    trace: (message, meta) => write("TRACE", message, meta),
    debug: (message, meta) => write("DEBUG", message, meta),
    info: (message, meta) => write("INFO", message, meta),
    warn: (message, meta) => write("WARN", message, meta),
    error: (message, meta) => write("ERROR", message, meta),
  };
}

/** Run and trial of a workflow id: `<run>`, or `<run>/trial-<n>`. */
export function subjectOf(workflowId: unknown): { run?: string; trial?: number } {
  if (typeof workflowId !== "string") return {};
  const [run] = workflowId.split("/", 1);
  return parseTrialId(workflowId) ?? (run ? { run } : {});
}

/** Errors as text; big integers (of native timestamps) as numbers. */
const readable = (meta: LogMetadata): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(meta).map(([key, value]) => {
      if (value instanceof Error) return [key, value.stack ?? value.message];
      return [key, typeof value === "bigint" ? Number(value) : value];
    }),
  );
