import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { repositoryRoot } from "../../../infra/setup/home.mjs";
import { goContext, toolSteps } from "../../../infra/setup/toolchain";
import { type Part, timed } from "./timed";

const root = repositoryRoot(__dirname);

/** What a first set-up does, part by part, into a folder that is removed afterwards. Needs the package registries. */
export async function coldParts(): Promise<Part[]> {
  const folder = await mkdtemp(join(tmpdir(), "belay-cold-"));
  // Nothing that an earlier set-up left in a cache may help.
  const env = {
    ...process.env,
    BELAY_HOME: join(folder, "home"),
    UV_CACHE_DIR: join(folder, "uv-cache"),
    GOMODCACHE: join(folder, "go-modules"),
    GOCACHE: join(folder, "go-build"),
    GOFLAGS: "-modcacherw",
  };
  const before = { ...process.env };
  const restore = () => {
    for (const name of Object.keys(env))
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
  };
  Object.assign(process.env, env);
  try {
    const parts: Part[] = [];
    for (const file of ["package.json", "package-lock.json", ".npmrc"])
      await copyFile(join(root, file), join(folder, file));
    const npm = ["ci", "--cache", join(folder, "npm"), "--no-audit", "--no-fund"];
    parts.push({
      part: "Node packages",
      seconds: (await timed(() => execa("npm", npm, { cwd: folder, env }))).seconds,
    });
    const tsc = [join(root, "node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.build.json"];
    const build = [...tsc, "--outDir", join(folder, "dist"), "--incremental", "false"];
    parts.push({
      part: "build",
      seconds: (await timed(() => execa(process.execPath, build, { cwd: root }))).seconds,
    });

    const report = {
      step: (name: string) => (line: string) => void process.stderr.write(`${name}: ${line}\n`),
    };
    const steps = toolSteps(await goContext(env), root, report);
    const together = await timed(async () => {
      const python = timed(steps.python);
      // The second server waits for the first one's build.
      const temporal = timed(steps.temporal);
      const minio = timed(steps.minio);
      return { python: await python, temporal: await temporal, minio: await minio };
    });
    const { python, temporal, minio } = together.result;
    parts.push({ part: "Python environment *", seconds: python.seconds });
    parts.push({ part: "Temporal server *", seconds: temporal.seconds });
    parts.push({ part: "MinIO *", seconds: minio.seconds - temporal.seconds });
    parts.push({ part: "* at the same time", seconds: together.seconds });

    const base = ["-m", "belay_gpu.examples.quickstart", "--out", join(folder, "inputs")];
    const options = { env: { ...env, PYTHONPATH: join(root, "gpu-worker") }, cwd: folder };
    const pretraining = await timed(() => execa(python.result.python, base, options));
    parts.push({ part: "base model of the quick start", seconds: pretraining.seconds });
    const counted = parts.filter(({ part }) => !part.endsWith(" *"));
    parts.push({ part: "total", seconds: counted.reduce((sum, { seconds }) => sum + seconds, 0) });
    return parts;
  } finally {
    // What is measured next is not to set up anew.
    restore();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
