import { BuildSearchSpaceInput, SearchPlan } from "../../../workflows/contracts";
import { defineSkill } from "../../define";

export const configSkill = defineSkill({
  name: "peft-lab/config",
  summary: "Checks a search space against the model and the device, or proposes one with reasons.",
  queue: "ml",
  resources: { gpus: 0, cpus: 1, memoryGiB: 2 },
  operations: [
    {
      capability: "search.plan",
      activity: "config.buildSearchSpace",
      summary: "Space, adapted weights, memory estimate",
      input: BuildSearchSpaceInput,
      output: SearchPlan,
      effects: ["read"],
    },
  ],
});
