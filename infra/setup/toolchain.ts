import { existsSync, readFileSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stampOf } from "./content-stamp.mjs";
import type { GoContext } from "./go-toolchain";
import { belayHome, defaultStateDir, repositoryRoot } from "./home.mjs";
import { MissingRequirement } from "./missing.mjs";
import { ensurePythonEnv, type PythonEnv } from "./python-env";
import { findPython } from "./python-interpreter.mjs";
import type { Report } from "./report";
import { ensureMinio, ensureTemporal } from "./servers";

/** Where the programs are that the stack runs. A server given by an address needs no program. */
export interface Tools extends PythonEnv {
  home: string;
  temporal?: string;
  minio?: string;
}

export type ToolName = "python" | "temporal" | "minio";

export interface ToolReports {
  step(name: ToolName): Report;
}

/** The tools as the last set-up left them; undefined when set-up has to run (again). */
export function readyTools(root = repositoryRoot(), env: NodeJS.ProcessEnv = process.env): Tools | undefined {
  const record = readRecord(root);
  if (record?.stamp !== toolStamp(root, env)) return undefined;
  const { home, ...programs } = record.tools;
  return Object.values(programs).every((path) => existsSync(path)) ? record.tools : undefined;
}

/** Sets up whatever is missing and says where everything is. Needs no network when nothing is missing. */
export async function ensureTools(
  reports: ToolReports,
  root = repositoryRoot(),
  env: NodeJS.ProcessEnv = process.env,
): Promise<Tools> {
  const ready = readyTools(root, env);
  if (ready) return ready;
  // What is built here is read by other accounts too (PostgreSQL's), whatever this one's umask says.
  process.umask(0o022);
  const steps = toolSteps(await goContext(env), root, reports);
  const [python, temporal, minio] = await Promise.all([steps.python(), steps.temporal(), steps.minio()]);
  return recordTools({ home: belayHome(env), ...python, temporal, minio }, root, env);
}

/** The Python environment alone. What set-up has recorded of the servers stays as it is. */
export async function ensurePython(
  reports: ToolReports,
  root = repositoryRoot(),
  env: NodeJS.ProcessEnv = process.env,
): Promise<Pick<Tools, "home" | "python">> {
  const ready = readyTools(root, env);
  if (ready) return ready;
  const context = await goContext(env);
  const { python } = await toolSteps(context, root, reports).python();
  return { home: context.home, python };
}

/** The steps one by one, for a caller that shows them; the two servers are built one after the other. */
export function toolSteps(context: GoContext, root: string, reports: ToolReports) {
  const { env, home, interpreter } = context;
  let temporalDone: Promise<unknown> = Promise.resolve();
  return {
    python: () => ensurePythonEnv(root, home, interpreter, reports.step("python")),
    temporal: () => {
      const building = env.TEMPORAL_ADDRESS
        ? Promise.resolve(undefined)
        : ensureTemporal(context, reports.step("temporal"));
      temporalDone = building.catch(() => undefined);
      return building;
    },
    minio: async () => {
      if (env.BELAY_S3_ENDPOINT) return undefined;
      await temporalDone;
      return ensureMinio(context, reports.step("minio"));
    },
  };
}

export async function goContext(env: NodeJS.ProcessEnv): Promise<GoContext> {
  const { interpreter, seen } = await findPython(env);
  if (!interpreter)
    throw new MissingRequirement(
      `no suitable Python on PATH (found: ${seen.join(", ") || "none"})`,
      "install Python 3.11 or newer with its venv module, or name one by BELAY_PYTHON",
    );
  return { home: belayHome(env), interpreter, env };
}

export async function recordTools(tools: Tools, root: string, env: NodeJS.ProcessEnv): Promise<Tools> {
  await mkdir(defaultStateDir(root), { recursive: true });
  const path = recordPath(root);
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify({ stamp: toolStamp(root, env), tools }, null, 2)}\n`);
  await rename(draft, path);
  return JSON.parse(await readFile(path, "utf8")).tools;
}

const recordPath = (root: string) => join(defaultStateDir(root), "tools.json");

function readRecord(root: string): { stamp: string; tools: Tools } | undefined {
  try {
    return JSON.parse(readFileSync(recordPath(root), "utf8"));
  } catch {
    return undefined;
  }
}

/** What the choice of tools depends on: the lockfile, and what the environment says about them. */
function toolStamp(root: string, env: NodeJS.ProcessEnv): string {
  const settings = ["BELAY_PYTHON", "TEMPORAL_CLI_PATH", "MINIO_PATH"].map(
    (name) => `${name}=${env[name] ?? ""}`,
  );
  const external = ["TEMPORAL_ADDRESS", "BELAY_S3_ENDPOINT"].map(
    (name) => `${name}=${env[name] ? "set" : ""}`,
  );
  const facts = [belayHome(env), process.platform, process.arch, ...settings, ...external];
  return stampOf(root, [join(root, "gpu-worker", "requirements.lock")], facts);
}
