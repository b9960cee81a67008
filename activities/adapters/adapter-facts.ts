import type { ArtifactRef, NamedArtifact } from "../../workflows/contracts";
import type { ObjectStore } from "../artifacts/object-store";
import { failure } from "../failure";
import { tensorNames } from "./tensor-names";
import type { AdapterFacts } from "./vllm";

/** What an adapter's files say of it. */
export async function adapterFacts(
  store: ObjectStore,
  files: readonly NamedArtifact[],
): Promise<AdapterFacts> {
  const config = await store.get(find(files, "adapter_config.json"));
  return {
    config: JSON.parse(config.toString("utf8")),
    tensors: await tensorNames(store, find(files, "adapter_model.safetensors")),
  };
}

function find(files: readonly NamedArtifact[], name: string): ArtifactRef {
  const file = files.find(({ path }) => path === name);
  if (!file) throw failure("CorruptArtifact", `the winner's checkpoint has no ${name}`);
  return file.ref;
}
