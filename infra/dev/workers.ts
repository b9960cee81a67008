import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { builtStamp } from "../setup/build.mjs";
import { filesBelow, stampOf } from "../setup/content-stamp.mjs";
import type { Layout } from "./layout";
import type { Part } from "./part";
import { sqlAlchemyUrl } from "./prepare/databases";
import { isReady, readyFileOf } from "./ready";
import type { StackInfo, WorkerName } from "./stack-info";

/** How a worker is started, as data. */
interface WorkerKind {
  taskQueue: string;
  command(context: WorkerContext): [string, ...string[]];
  /** The databases it may know of. A GPU worker knows none. */
  databases: "none" | "belay" | "belay and optuna";
  /** Whether it signs manifests. */
  signs?: true;
  code(root: string): string;
}

export interface WorkerContext {
  root: string;
  python: string;
  home: string;
  layout: Layout;
  servers: Omit<StackInfo, "workers">;
  /** Further variables, for all workers. */
  env: Readonly<Record<string, string>>;
}

const pythonCode = (root: string) =>
  stampOf(root, filesBelow(join(root, "gpu-worker", "belay_gpu"), /\.(py|json)$/));

export const WORKERS: Record<WorkerName, WorkerKind> = {
  kernel: {
    taskQueue: "belay-kernel",
    command: ({ root }) => [
      process.execPath,
      "--enable-source-maps",
      join(root, "dist", "workers", "kernel", "main.js"),
    ],
    databases: "belay",
    signs: true,
    code: (root) => builtStamp(root) ?? "",
  },
  ml: {
    taskQueue: "belay-ml",
    command: ({ python }) => [python, "-m", "belay_gpu.worker", "ml"],
    databases: "belay and optuna",
    code: pythonCode,
  },
  gpu: {
    taskQueue: "belay-gpu",
    command: ({ python }) => [python, "-m", "belay_gpu.worker", "gpu"],
    databases: "none",
    code: pythonCode,
  },
};

export function workerPart(name: WorkerName, context: WorkerContext): Part {
  const kind = WORKERS[name];
  const folder = join(context.layout.workers, name);
  const readyFile = readyFileOf(context.layout, name);
  return {
    name,
    portNames: [],
    async before() {
      mkdirSync(folder, { recursive: true });
      rmSync(readyFile, { force: true });
    },
    launch: () => {
      const [command, ...args] = kind.command(context);
      const env = { ...workerEnvironment(kind, context, folder), BELAY_READY_FILE: readyFile };
      return { command, args, env, ambient: ambientEnvironment(), cwd: context.root };
    },
    code: () => kind.code(context.root),
    isHealthy: async (_, pid) => isReady(context.layout, name, pid),
    address: () => kind.taskQueue,
    startWithinMs: 180_000,
  };
}

/** A person's own variables reach the workers (HF_TOKEN, OTEL_…, CUDA_…), except what says where data is. */
const WITHHELD =
  /^(DATABASE_URL|OPTUNA_DATABASE_URL|PG[A-Z]+|BELAY_S3_.*|NODE_OPTIONS|npm_.*|VITEST.*|PYTEST.*)$/;

function ambientEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(([name]) => !WITHHELD.test(name));
  return Object.fromEntries(entries) as Record<string, string>;
}

function workerEnvironment(kind: WorkerKind, context: WorkerContext, folder: string): Record<string, string> {
  const { temporal, postgres, s3 } = context.servers;
  return {
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    BELAY_S3_ENDPOINT: s3.endpoint,
    BELAY_S3_BUCKET: s3.bucket,
    BELAY_S3_ACCESS_KEY: s3.accessKey,
    BELAY_S3_SECRET_KEY: s3.secretKey,
    BELAY_STATE_DIR: folder,
    BELAY_HOME: context.home,
    BELAY_DEVICE: process.env.BELAY_DEVICE ?? "auto",
    PYTHONPATH: join(context.root, "gpu-worker"),
    PYTHONUNBUFFERED: "1",
    ...(kind.databases !== "none" && { DATABASE_URL: postgres.url }),
    ...(kind.databases === "belay and optuna" && { OPTUNA_DATABASE_URL: sqlAlchemyUrl(postgres.optunaUrl) }),
    ...(kind.signs && {
      BELAY_SIGNING_KEY_FILE: process.env.BELAY_SIGNING_KEY_FILE || context.layout.signingKey,
    }),
    ...context.env,
  };
}
