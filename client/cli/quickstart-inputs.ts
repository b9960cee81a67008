import { mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { artifactFolder, ensureArtifact, isBuilt } from "../../infra/setup/artifact";
import { filesBelow, stampOf } from "../../infra/setup/content-stamp.mjs";
import { runCommand } from "../../infra/setup/run-command";
import type { Tools } from "../../infra/setup/toolchain";

/**
 * The base model and the rows that `experiments/quickstart.yaml` reads, made once per content of the sources that
 * make them. The experiment finds them at `.belay/quickstart`.
 */
export async function ensureQuickstartInputs(
  { home, python }: Tools,
  root: string,
  stateDir: string,
  report: (line: string) => void,
): Promise<void> {
  const package_ = join(root, "gpu-worker");
  const sources = [
    ...filesBelow(join(package_, "belay_gpu", "examples"), /\.py$/),
    join(package_, "requirements.lock"),
  ];
  const recipe = {
    kind: "quickstart",
    inputs: [stampOf(package_, sources), process.arch],
    build: async (folder: string) => {
      const args = ["-m", "belay_gpu.examples.quickstart", "--out", join(folder, "inputs")];
      await runCommand(python, args, {
        env: { ...process.env, PYTHONPATH: package_ },
        cwd: root,
        onLine: report,
      });
    },
  };
  if (!isBuilt(artifactFolder(home, recipe)))
    report("pretraining the quick start's base model (once, about a minute)");
  const folder = await ensureArtifact(home, recipe, report);
  link(join(folder, "inputs"), join(stateDir, "quickstart"));
}

function link(target: string, path: string): void {
  if (linkedTo(path) === target) return;
  mkdirSync(join(path, ".."), { recursive: true });
  const draft = `${path}.${process.pid}`;
  // A folder stands here where the module that makes the inputs was run by hand.
  if (!linkedTo(path)) rmSync(path, { recursive: true, force: true });
  symlinkSync(target, draft);
  renameSync(draft, path);
}

function linkedTo(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
