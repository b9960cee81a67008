import { mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { artifactFolder, ensureArtifact, isBuilt } from "../../infra/setup/artifact";
import { filesBelow, stampOf } from "../../infra/setup/content-stamp.mjs";
import { runCommand } from "../../infra/setup/run-command";
import type { Tools } from "../../infra/setup/toolchain";

/** Examples whose base model and rows are made by a script; each experiment finds them at `.belay/<its name>`. */
const examples = {
  quickstart: {
    module: "belay_gpu.examples.quickstart",
    making: "pretraining the quick start's base model (once, about a minute)",
  },
  "intent-minilm": {
    module: "belay_gpu.examples.intents",
    making: "putting MiniLM and the help desk's questions in place",
  },
};

export type Example = keyof typeof examples;
export const exampleNames = Object.keys(examples) as Example[];

export const exampleFolder = (name: Example, stateDir: string): string => join(stateDir, name);

/** What an example reads, made once per content of the sources that make it. */
export async function ensureExampleInputs(
  name: Example,
  { home, python }: Pick<Tools, "home" | "python">,
  root: string,
  stateDir: string,
  report: (line: string) => void,
): Promise<void> {
  const { module, making } = examples[name];
  const package_ = join(root, "gpu-worker");
  const sources = [
    ...filesBelow(join(package_, "belay_gpu", "examples"), /\.py$/),
    join(package_, "requirements.lock"),
  ];
  const recipe = {
    kind: name,
    inputs: [stampOf(package_, sources), process.arch],
    build: async (folder: string) => {
      const args = ["-m", module, "--out", join(folder, "inputs")];
      await runCommand(python, args, {
        env: { ...process.env, PYTHONPATH: package_ },
        cwd: root,
        onLine: report,
      });
    },
  };
  if (!isBuilt(artifactFolder(home, recipe))) report(making);
  const folder = await ensureArtifact(home, recipe, report);
  link(join(folder, "inputs"), exampleFolder(name, stateDir));
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
