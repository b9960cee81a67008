import { existsSync, mkdirSync } from "node:fs";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa, type ResultPromise } from "execa";
import { Stack, type StackInfo } from "../../../infra/dev";
import { waitUntil } from "../../../infra/dev/wait";
import { repositoryRoot } from "../../../infra/setup/home.mjs";
import { readyTools } from "../../../infra/setup/toolchain";

/** Servers of the development stack, and two workers whose bodies are empty. */
export interface BenchStack {
  info: StackInfo;
  /** Every process whose CPU time the measured work costs, by name. */
  processes: Record<string, number>;
}

const root = repositoryRoot(__dirname);

export async function withBenchStack<T>(body: (stack: BenchStack) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "belay-bench-"));
  const stack = new Stack({ stateDir: folder, workers: { kernel: false, ml: false, gpu: false } });
  const workers: ResultPromise[] = [];
  const close = async () => {
    for (const worker of workers) worker.kill("SIGTERM");
    await Promise.allSettled(workers);
    await stack.destroy();
  };
  // Servers outlive the process that started them; an interrupted benchmark must not leave its own.
  const interrupted = () => void close().finally(() => process.exit(130));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, interrupted);
  try {
    const info = await stack.up();
    const python = readyTools(root)?.python as string;
    const kernel = join(root, "dist", "test", "bench", "orchestration", "kernel-worker.js");
    const noop = join(root, "test", "bench", "orchestration", "noop_worker.py");
    workers.push(start("kernel", process.execPath, [kernel], info, folder));
    workers.push(start("noop", python, [noop], info, folder));
    await Promise.all(["kernel", "noop"].map((name) => untilReady(name, folder)));
    const [kernelPid, noopPid] = workers.map(({ pid }) => pid);
    const { temporal, postgres, s3 } = info;
    const all = {
      temporal: temporal.pid,
      postgres: postgres.pid,
      minio: s3.pid,
      kernel: kernelPid,
      python: noopPid,
    };
    const ours = Object.entries(all).filter(
      (entry): entry is [string, number] => typeof entry[1] === "number",
    );
    return await body({ info, processes: Object.fromEntries(ours) });
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, interrupted);
    await close();
  }
}

const readyFile = (folder: string, name: string) => join(folder, `${name}.ready.json`);

function start(
  name: string,
  command: string,
  args: string[],
  info: StackInfo,
  folder: string,
): ResultPromise {
  const { temporal, postgres, s3 } = info;
  const state = join(folder, `worker-${name}`);
  mkdirSync(state, { recursive: true });
  const env = {
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    DATABASE_URL: postgres.url,
    BELAY_S3_ENDPOINT: s3.endpoint,
    BELAY_S3_BUCKET: s3.bucket,
    BELAY_S3_ACCESS_KEY: s3.accessKey,
    BELAY_S3_SECRET_KEY: s3.secretKey,
    BELAY_STATE_DIR: state,
    BELAY_READY_FILE: readyFile(folder, name),
    PYTHONPATH: join(root, "gpu-worker"),
  };
  const log = { file: join(folder, `${name}.log`) };
  return execa(command, args, { env, stdin: "ignore", stdout: log, stderr: log, reject: false });
}

async function untilReady(name: string, folder: string): Promise<void> {
  if (await waitUntil(() => existsSync(readyFile(folder, name)), 60_000)) return;
  const log = await readFile(join(folder, `${name}.log`), "utf8").catch(() => "");
  throw new Error(`the ${name} worker of the benchmark does not start:\n${log.slice(-2000)}`);
}
