import { z } from "zod";

/** A setting is missing or wrong; the message names each, and what would be right. */
export class EnvironmentError extends Error {
  override readonly name = "EnvironmentError";
}

const text = (meaning: string) =>
  z
    .string({ error: `is not set: it must hold ${meaning}` })
    .trim()
    .min(1, `is empty: it must hold ${meaning}`);
const url = (meaning: string, schemes: RegExp) => text(meaning).regex(schemes, `expected ${meaning}`);
const count = (fallback: number) =>
  z.coerce
    .number({ error: "expected a whole number" })
    .int("expected a whole number")
    .min(1, "expected at least 1")
    .default(fallback);

const Environment = z.object({
  TEMPORAL_ADDRESS: text("the Temporal Service's host:port").regex(
    /^[^/\s]+:\d+$/,
    "expected host:port, such as 127.0.0.1:7233",
  ),
  TEMPORAL_NAMESPACE: z.string().default("default"),
  DATABASE_URL: url(
    "the address of the Postgres database, such as postgres://user@host:5432/belay",
    /^postgres(ql)?:\/\//,
  ),
  BELAY_S3_ENDPOINT: url("the object store's address, such as http://127.0.0.1:9000", /^https?:\/\//),
  BELAY_S3_BUCKET: z.string().default("belay"),
  BELAY_S3_ACCESS_KEY: text("the object store's access key"),
  BELAY_S3_SECRET_KEY: text("the object store's secret key"),
  BELAY_SIGNING_KEY_FILE: z
    .string()
    .optional()
    .describe("An Ed25519 private key in PEM, with which manifests are signed; none: they are not."),
  BELAY_READY_FILE: z.string().optional(),
  BELAY_LOG_LEVEL: z
    .enum(["debug", "info", "warn", "error"], "expected debug, info, warn or error")
    .default("info"),
  BELAY_START_TIMEOUT_SECONDS: count(60).describe(
    "How long to wait for Postgres, the object store and Temporal at start.",
  ),
  BELAY_WORKFLOW_TASKS: count(40),
  BELAY_ACTIVITIES: count(20),
  BELAY_LOCAL_ACTIVITIES: count(40),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.string().optional(),
});

/** What the kernel worker reads from its environment, once. */
export interface KernelEnvironment {
  temporal: { address: string; namespace: string };
  databaseUrl: string;
  store: { endpoint: string; bucket: string; accessKey: string; secretKey: string };
  signingKeyFile: string | null;
  readyFile: string | null;
  logLevel: "debug" | "info" | "warn" | "error";
  startTimeoutMs: number;
  slots: { workflowTasks: number; activities: number; localActivities: number };
  otlpEndpoint: string | null;
}

/** @throws EnvironmentError naming everything that is missing or wrong. */
export function readEnvironment(env: NodeJS.ProcessEnv = process.env): KernelEnvironment {
  // An empty variable means the same as an absent one.
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = Environment.safeParse(present);
  if (!parsed.success)
    throw new EnvironmentError(
      parsed.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`).join("\n"),
    );
  const e = parsed.data;
  return {
    temporal: { address: e.TEMPORAL_ADDRESS, namespace: e.TEMPORAL_NAMESPACE },
    databaseUrl: e.DATABASE_URL,
    store: {
      endpoint: e.BELAY_S3_ENDPOINT,
      bucket: e.BELAY_S3_BUCKET,
      accessKey: e.BELAY_S3_ACCESS_KEY,
      secretKey: e.BELAY_S3_SECRET_KEY,
    },
    signingKeyFile: e.BELAY_SIGNING_KEY_FILE ?? null,
    readyFile: e.BELAY_READY_FILE ?? null,
    logLevel: e.BELAY_LOG_LEVEL,
    startTimeoutMs: e.BELAY_START_TIMEOUT_SECONDS * 1000,
    slots: {
      workflowTasks: e.BELAY_WORKFLOW_TASKS,
      activities: e.BELAY_ACTIVITIES,
      localActivities: e.BELAY_LOCAL_ACTIVITIES,
    },
    otlpEndpoint: e.OTEL_EXPORTER_OTLP_ENDPOINT ?? null,
  };
}
