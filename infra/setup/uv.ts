import { chmod, copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { ensureArtifact } from "./artifact";
import { platformName } from "./platform";
import type { Interpreter } from "./python-interpreter.mjs";
import type { Report } from "./report";
import { runCommand } from "./run-command";

const UV_VERSION = "0.13.9";

/** The package installer for everything that comes from PyPI; installed by pip, once. */
export async function ensureUv(home: string, interpreter: Interpreter, report: Report): Promise<string> {
  const folder = await ensureArtifact(
    home,
    {
      kind: "uv",
      inputs: [UV_VERSION, platformName()],
      async build(draft) {
        report(`installing uv ${UV_VERSION} (23 MB)`);
        const scratch = join(draft, "scratch");
        const pip = await pipInto(scratch, interpreter);
        await runCommand(pip.command, [
          ...pip.args,
          "--quiet",
          "--disable-pip-version-check",
          `uv==${UV_VERSION}`,
        ]);
        await copyFile(join(scratch, "bin", "uv"), join(draft, "uv"));
        await chmod(join(draft, "uv"), 0o755);
        await rm(scratch, { recursive: true });
      },
    },
    report,
  );
  return join(folder, "uv");
}

/** Debian splits Python: some machines have venv and no pip, others pip and no venv. */
async function pipInto(
  folder: string,
  interpreter: Interpreter,
): Promise<{ command: string; args: string[] }> {
  if (interpreter.canInstall === "pip")
    return { command: interpreter.executable, args: ["-m", "pip", "install", "--target", folder] };
  await runCommand(interpreter.executable, ["-m", "venv", folder]);
  return { command: join(folder, "bin", "python"), args: ["-m", "pip", "install"] };
}

/** uv's settings for all its calls: its cache lies beside what it installs, so that files can be linked. */
export function uvEnvironment(home: string, env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const { VIRTUAL_ENV: _, ...rest } = env;
  return { UV_CACHE_DIR: join(home, "uv-cache"), ...rest, UV_PYTHON_DOWNLOADS: "never", UV_NO_PROGRESS: "1" };
}
