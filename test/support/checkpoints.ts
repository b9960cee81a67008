import { blobKey } from "../../activities/artifacts/keys";
import type { ObjectStore } from "../../activities/artifacts/object-store";
import { checkpointPrefix } from "../../activities/checkpoints/keys";
import type { CheckpointManifest, CheckpointRef, NamedArtifact } from "../../workflows/contracts";

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
  }: { run: string; subject: string; step: number; epoch: number; content?: string },
): Promise<WrittenCheckpoint> {
  const bodies: Record<string, string> = {
    "adapter_config.json": '{"peft_type":"LORA","r":4}',
    "adapter_model.safetensors": `weights of ${content}`,
    "trainer_state.json": JSON.stringify({ step, initSha256: "1".repeat(64) }),
    "trainer_state.safetensors": `moments of ${content}`,
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

export const blobOf = ({ files }: WrittenCheckpoint, path: string): string => {
  const file = files.find((each) => each.path === path);
  if (!file) throw new Error(`no ${path} in the checkpoint`);
  return blobKey(file.ref.sha256);
};
