import type { ArtifactRef } from "../../workflows/contracts";
import type { ObjectStore } from "../artifacts/object-store";
import { failure } from "../failure";

const LENGTH_BYTES = 8;

/** Names of the tensors in a safetensors file, from its header: the weights stay where they are. */
export async function tensorNames(store: ObjectStore, ref: ArtifactRef): Promise<string[]> {
  const prefix = await store.start(ref, LENGTH_BYTES);
  const length = prefix.length === LENGTH_BYTES ? Number(prefix.readBigUInt64LE()) : 0;
  if (length === 0 || length > ref.sizeBytes) throw damaged(ref);
  const header = (await store.start(ref, LENGTH_BYTES + length)).subarray(LENGTH_BYTES);
  try {
    const names = Object.keys(JSON.parse(header.toString("utf8")) as object);
    return names.filter((name) => name !== "__metadata__").sort();
  } catch {
    throw damaged(ref);
  }
}

const damaged = (ref: ArtifactRef) => failure("CorruptArtifact", `${ref.uri} is not a safetensors file`);
