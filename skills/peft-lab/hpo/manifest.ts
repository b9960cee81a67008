import { z } from "zod";
import {
  AskInput,
  AskOutput,
  SelectBestInput,
  SelectBestOutput,
  TellInput,
} from "../../../workflows/contracts";
import { defineSkill } from "../../define";

export const hpoSkill = defineSkill({
  name: "peft-lab/hpo",
  summary: "Proposes trials from the ordered record of earlier ones, and names the best.",
  queue: "ml",
  resources: { gpus: 0, cpus: 1, memoryGiB: 1 },
  operations: [
    {
      capability: "search.ask",
      activity: "hpo.ask",
      summary: "Parameters of the next trials, a pure function of the record",
      input: AskInput,
      output: AskOutput,
      effects: ["read"],
    },
    {
      capability: "search.tell",
      activity: "hpo.tell",
      summary: "Mirror ended trials into the study that the dashboard shows",
      input: TellInput,
      output: z.null(),
      effects: ["write"],
    },
    {
      capability: "search.selectBest",
      activity: "hpo.selectBest",
      summary: "The winner, and why",
      input: SelectBestInput,
      output: SelectBestOutput,
      effects: ["read"],
    },
  ],
});
