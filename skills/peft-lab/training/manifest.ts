import { TrainingInput, TrainingOutput } from "../../../workflows/contracts";
import { defineSkill } from "../../define";

export const trainingSkill = defineSkill({
  name: "peft-lab/training",
  summary: "Trains a LoRA adapter up to a step, with durable checkpoints on the way.",
  queue: "engine",
  resources: { gpus: 1, cpus: 2, memoryGiB: 4 },
  operations: [
    {
      capability: "model.train",
      activity: "training.run",
      summary: "Train to a rung or to the end",
      input: TrainingInput,
      output: TrainingOutput,
      effects: ["read", "write", "spend"],
    },
  ],
});
