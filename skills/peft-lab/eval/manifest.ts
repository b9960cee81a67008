import { CompareInput, CompareOutput, EvalInput, EvalOutput } from "../../../workflows/contracts";
import { defineSkill } from "../../define";

export const evalSkill = defineSkill({
  name: "peft-lab/eval",
  summary: "Scores a base or an adapter on one split.",
  queue: "engine",
  resources: { gpus: 1, cpus: 2, memoryGiB: 4 },
  operations: [
    {
      capability: "model.evaluate",
      activity: "eval.run",
      summary: "Metrics, per-example scores and a few generations",
      input: EvalInput,
      output: EvalOutput,
      effects: ["read", "write", "spend"],
    },
  ],
});

export const compareSkill = defineSkill({
  name: "peft-lab/compare",
  summary: "Says whether one model beats another on the same rows, with an interval.",
  queue: "ml",
  resources: { gpus: 0, cpus: 1, memoryGiB: 1 },
  operations: [
    {
      capability: "model.compare",
      activity: "eval.compare",
      summary: "Paired bootstrap of the gain",
      input: CompareInput,
      output: CompareOutput,
      effects: ["read"],
    },
  ],
});
