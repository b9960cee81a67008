import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { NamedArtifact } from "../../workflows/contracts";
import type { ObjectStore } from "../artifacts/object-store";
import { failure } from "../failure";
import { safePath } from "./files";

/** Copies files from the store to a local folder. It appears whole, and replaces what was there, by rename. */
export async function exportFolder(
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
  } catch (error) {
    throw explained(error, folder);
  } finally {
    await rm(draft, { recursive: true, force: true }).catch(() => {});
    await rm(former, { recursive: true, force: true }).catch(() => {});
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

function explained(error: unknown, folder: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT")
    return failure("DiskFull", `no space left to copy the outputs to ${folder}`, { cause: error });
  if (code !== undefined && ["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST", "EISDIR"].includes(code))
    return failure(
      "InvalidSpec",
      `output.export_dir: the outputs cannot be copied to ${folder}: ${message}`,
      { cause: error },
    );
  return error;
}
