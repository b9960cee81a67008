import { z } from "zod";
import {
  ArtifactRef,
  CheckpointRef,
  EvalOutput,
  HubPushInput,
  HubPushOutput,
  NamedArtifact,
} from "../../../workflows/contracts";
import { defineSkill } from "../../define";

const StoreTrialInput = z.object({
  run: z.string(),
  trial: z.int().nonnegative(),
  subject: z.string(),
  checkpoint: CheckpointRef,
  evaluation: EvalOutput,
});

export const artifactSkill = defineSkill({
  name: "peft-lab/artifact",
  summary: "Publishes adapters, merged models and scores under the names that people look for.",
  queue: "kernel",
  resources: { gpus: 0, cpus: 1, memoryGiB: 1 },
  operations: [
    {
      capability: "artifact.store",
      activity: "artifact.store",
      summary: "A completed trial's adapter folder and metrics",
      input: StoreTrialInput,
      output: z.object({ adapter: z.array(NamedArtifact), metrics: ArtifactRef }),
      effects: ["read", "write"],
    },
    {
      capability: "artifact.publish",
      activity: "artifact.publish",
      summary: "The winner with its model card, and copies where they were asked for",
      input: z.object({ run: z.string(), stages: z.record(z.string(), z.unknown()) }),
      output: z.object({ adapter: z.array(NamedArtifact) }),
      effects: ["read", "write"],
    },
  ],
});

export const hubSkill = defineSkill({
  name: "peft-lab/hub",
  summary: "Uploads an adapter folder to the model hub.",
  queue: "engine",
  resources: { gpus: 0, cpus: 1, memoryGiB: 1 },
  operations: [
    {
      capability: "artifact.upload",
      activity: "hub.push",
      summary: "Upload to a hub repository",
      input: HubPushInput,
      output: HubPushOutput,
      effects: ["read", "network"],
    },
  ],
});
