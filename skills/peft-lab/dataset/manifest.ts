import { DatasetAnalyzeInput, DatasetSummary } from "../../../workflows/contracts";
import { defineSkill } from "../../define";

export const datasetSkill = defineSkill({
  name: "peft-lab/dataset",
  summary:
    "Reads rows of any known format, profiles them, splits them without leakage and tokenises them once.",
  queue: "ml",
  resources: { gpus: 0, cpus: 1, memoryGiB: 2 },
  operations: [
    {
      capability: "dataset.analyze",
      activity: "dataset.analyze",
      summary: "Profile, three splits, tokenised set",
      input: DatasetAnalyzeInput,
      output: DatasetSummary,
      effects: ["read", "write"],
    },
  ],
});
