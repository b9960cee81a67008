import { MergeInput, MergeOutput } from "../../../workflows/contracts";
import { defineSkill } from "../../define";

export const mergeSkill = defineSkill({
  name: "peft-lab/merge",
  summary: "Merges an adapter into a full-precision base and checks the result.",
  queue: "engine",
  resources: { gpus: 1, cpus: 2, memoryGiB: 8 },
  operations: [
    {
      capability: "model.merge",
      activity: "merge.run",
      summary: "A folder that transformers loads, its logits compared with the adapter's",
      input: MergeInput,
      output: MergeOutput,
      effects: ["read", "write", "spend"],
    },
  ],
});
