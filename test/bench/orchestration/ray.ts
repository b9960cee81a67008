import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { ensureArtifact } from "../../../infra/setup/artifact";
import { belayHome, repositoryRoot } from "../../../infra/setup/home.mjs";
import { platformName } from "../../../infra/setup/platform";
import { findPython } from "../../../infra/setup/python-interpreter.mjs";
import { runCommand } from "../../../infra/setup/run-command";
import { ensureUv, uvEnvironment } from "../../../infra/setup/uv";
import { TreeMeter } from "../process-cpu";

export interface RayMeasurement {
  trials: number;
  seconds: number;
  cpuSeconds: number;
}

/** Ray's workers live for a second or more; what one uses after the last look is not counted. */
const lookEveryMs = 100;

const here = join(repositoryRoot(__dirname), "test", "bench", "orchestration");

/** Ray Tune's own way, an actor per trial; `reuseActors` is its setting for short trials. */
export async function measureRay(
  python: string,
  trials: number,
  reuseActors: boolean,
): Promise<RayMeasurement> {
  const args = [join(here, "ray_noop.py"), String(trials), reuseActors ? "reuse" : "fresh"];
  const child = execa(python, args, { stdin: "ignore", stderr: "ignore", buffer: false });
  const meter = new TreeMeter(child.pid as number);
  const looking = setInterval(() => meter.look(), lookEveryMs);
  let before = 0;
  let cpu = 0;
  let last = "";
  try {
    for await (const line of child.iterable()) {
      meter.look();
      if (line === "begin") before = meter.seconds;
      if (line === "end") cpu = meter.seconds - before;
      last = line;
    }
    await child;
  } finally {
    clearInterval(looking);
  }
  const { seconds } = JSON.parse(last) as { seconds: number };
  return { trials, seconds, cpuSeconds: cpu };
}

/** Ray Tune in an environment of its own, from a lockfile. */
export async function ensureRay(): Promise<string> {
  const { interpreter } = await findPython();
  if (!interpreter) throw new Error("no Python from 3.11 on: install one, or name it in BELAY_PYTHON");
  const home = belayHome();
  const lock = join(here, "ray.lock");
  const hash = createHash("sha256").update(readFileSync(lock)).digest("hex");
  const report = (line: string) => process.stderr.write(`ray: ${line}\n`);
  const uv = await ensureUv(home, interpreter, report);
  const env = uvEnvironment(home);
  const folder = await ensureArtifact(
    home,
    {
      kind: "bench-ray",
      inputs: ["compiled", hash, interpreter.version, interpreter.executable, platformName()],
      async build(draft) {
        const venv = join(draft, "venv");
        const base = ["--relocatable", "--no-project", "--python", interpreter.executable];
        report("installing Ray Tune (300 MB)");
        await runCommand(uv, ["venv", ...base, venv], { env });
        const target = ["--require-hashes", "--python", join(venv, "bin", "python")];
        await runCommand(uv, ["pip", "sync", "--compile-bytecode", ...target, lock], { env });
      },
    },
    report,
  );
  return join(folder, "venv", "bin", "python");
}
