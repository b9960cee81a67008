import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { NamedArtifact } from "../../workflows/contracts";
import type { ObjectStore } from "../artifacts/object-store";
import { safePath } from "./files";

/** Why outputs could not be copied: what a person mends, and then copies with `belay artifacts --get`. */
export interface ExportProblem {
  type: "InvalidSpec" | "DiskFull";
  message: string;
}

/** Each folder of outputs with the file by which a former one is known. */
const OUTPUTS = [
  ["adapter", "adapter_config.json"],
  ["merged", "config.json"],
] as const;

type Output = (typeof OUTPUTS)[number][0];
type Outputs = Record<Output, readonly NamedArtifact[]>;

/** Copies the outputs below a local folder. Null: all are there. Failures of the store are thrown. */
export async function exportOutputs(
  store: ObjectStore,
  outputs: Outputs,
  folder: string,
): Promise<ExportProblem | null> {
  for (const [name, sign] of OUTPUTS) {
    if (outputs[name].length === 0) continue;
    const target = join(folder, name);
    try {
      await refuseForeign(target, sign);
      await exportFolder(store, outputs[name], target);
    } catch (error) {
      const problem = explained(error, target);
      if (problem === null) throw error;
      return problem;
    }
  }
  return null;
}

/** Why the wanted outputs could not replace what lies below the folder; undefined: they can. */
export async function foreignOutput(folder: string, wanted: readonly Output[]): Promise<string | undefined> {
  for (const [name, sign] of OUTPUTS) {
    if (!wanted.includes(name)) continue;
    const target = join(folder, name);
    const problem = await refuseForeign(target, sign).catch((error: Error) => error);
    if (problem) return `${target}: ${problem.message}`;
  }
  return undefined;
}

/** A folder that holds something else than an output of this kind. */
class ForeignFolder extends Error {}

async function refuseForeign(folder: string, sign: string): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  if (names.length > 0 && !names.includes(sign))
    throw new ForeignFolder(`it exists and holds something else (${names.slice(0, 3).join(", ")})`);
}

/** Copies files from the store to a local folder. It appears whole, and replaces what was there, by rename. */
async function exportFolder(
  store: ObjectStore,
  files: readonly NamedArtifact[],
  folder: string,
): Promise<void> {
  const draft = `${folder}.${process.pid}.draft`;
  const former = `${folder}.${process.pid}.former`;
  try {
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { recursive: true });
    for (const { path, ref } of files) await store.download(ref, join(draft, safePath(path)));
    await mkdir(dirname(folder), { recursive: true });
    await rename(folder, former).catch(ignoreMissing);
    await rename(draft, folder);
  } finally {
    await rm(draft, { recursive: true, force: true }).catch(() => {});
    await rm(former, { recursive: true, force: true }).catch(() => {});
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

const DENIED = ["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST", "EISDIR"];

function explained(error: unknown, folder: string): ExportProblem | null {
  const { code, message, type } = error as NodeJS.ErrnoException & { type?: string };
  // The store's own word for a disk that is full while it downloads.
  if (code === "ENOSPC" || code === "EDQUOT" || type === "DiskFull")
    return { type: "DiskFull", message: `output.export_dir: no space left to copy the outputs to ${folder}` };
  if (error instanceof ForeignFolder || (code !== undefined && DENIED.includes(code)))
    return {
      type: "InvalidSpec",
      message: `output.export_dir: the outputs cannot be copied to ${folder}: ${message}`,
    };
  return null;
}
