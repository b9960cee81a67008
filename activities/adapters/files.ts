import { posix } from "node:path";
import type { CheckpointRef, NamedArtifact } from "../../workflows/contracts";
import type { ObjectStore } from "../artifacts/object-store";
import { parseManifest } from "../checkpoints/listing";
import { failure } from "../failure";

/** What the trainer needs to go on, and nobody else. */
const isTrainerState = (path: string): boolean => path.startsWith("trainer_");

/** The files of a checkpoint that PEFT loads, in path order. */
export async function adapterFiles(store: ObjectStore, checkpoint: CheckpointRef): Promise<NamedArtifact[]> {
  const manifest = parseManifest(await store.get(checkpoint.manifest));
  if (!manifest)
    throw failure("CorruptArtifact", `${checkpoint.manifest.uri} is not a checkpoint's manifest`);
  return manifest.files
    .filter(({ path }) => !isTrainerState(path))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A path that stays below the folder it is put into. */
export function safePath(path: string): string {
  const normal = posix.normalize(path);
  if (path === "" || posix.isAbsolute(normal) || normal.split("/").includes("..") || path.includes("\0"))
    throw failure("CorruptArtifact", `${JSON.stringify(path)} is not a path inside a folder`);
  return normal;
}

/** Copies files to a folder of the store, by name. */
export async function publishFolder(
  store: ObjectStore,
  files: readonly NamedArtifact[],
  folder: string,
): Promise<NamedArtifact[]> {
  const published: NamedArtifact[] = [];
  for (const { path, ref } of files)
    published.push({ path, ref: await store.copy(ref, `${folder}/${safePath(path)}`) });
  return published;
}
