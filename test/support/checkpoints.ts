import { blobKey } from "../../activities/artifacts/keys";
import type { ObjectStore } from "../../activities/artifacts/object-store";
import { checkpointPrefix } from "../../activities/checkpoints/keys";
import type { CheckpointManifest, CheckpointRef, NamedArtifact } from "../../workflows/contracts";
import { safetensors } from "./safetensors";

export interface WrittenCheckpoint {
  ref: CheckpointRef;
  key: string;
  files: NamedArtifact[];
}

/** Stores a checkpoint as a trainer does: files by content, the manifest last. */
export async function writeCheckpoint(
  store: ObjectStore,
  {
    run,
    subject,
    step,
    epoch,
    content = `${subject}@${step}`,
    adapter = {},
  }: {
    run: string;
    subject: string;
    step: number;
    epoch: number;
    content?: string;
    /** Files in the place of what would be there. */
    adapter?: Record<string, Buffer>;
  },
): Promise<WrittenCheckpoint> {
  const bodies: Record<string, string | Buffer> = {
    "adapter_config.json": '{"peft_type":"LORA","r":4,"lora_alpha":8,"target_modules":["q_proj"]}',
    "adapter_model.safetensors": weightsOf(content),
    "trainer_state.json": JSON.stringify({ step, initSha256: "1".repeat(64) }),
    "trainer_state.safetensors": `moments of ${content}`,
    ...adapter,
  };
  const files: NamedArtifact[] = [];
  for (const [path, body] of Object.entries(bodies))
    files.push({ path, ref: await store.put(Buffer.from(body), "application/octet-stream") });
  const manifest: CheckpointManifest = {
    schemaVersion: 1,
    run,
    trial: 0,
    trialId: subject,
    epoch,
    step,
    metrics: {},
    files,
  };
  const key = `${checkpointPrefix(run, subject)}${String(step).padStart(8, "0")}-${epoch}.json`;
  const ref = await store.putNamed(key, Buffer.from(JSON.stringify(manifest)), "application/json");
  return { ref: { manifest: ref, step, epoch }, key, files };
}

/** A safetensors file that says whose weights it would hold. */
function weightsOf(content: string): Buffer {
  const empty = { dtype: "F32", shape: [0], data_offsets: [0, 0] };
  const names = ["A", "B"].map(
    (half) => `base_model.model.model.layers.0.self_attn.q_proj.lora_${half}.weight`,
  );
  return safetensors({
    __metadata__: { content },
    ...Object.fromEntries(names.map((name) => [name, empty])),
  });
}

export const blobOf = ({ files }: WrittenCheckpoint, path: string): string => {
  const file = files.find((each) => each.path === path);
  if (!file) throw new Error(`no ${path} in the checkpoint`);
  return blobKey(file.ref.sha256);
};
