import { z } from "zod";
import { DatasetSpec } from "./dataset";
import { EvalSpec, OutputSpec, PackSpec, PlacementSpec, SaveSpec } from "./evaluation";
import { ModelSpec, Task } from "./model";
import { SearchSpec } from "./search";
import { LoraSpec, TrainSpec } from "./train";

export * from "./dataset";
export * from "./evaluation";
export * from "./model";
export * from "./search";
export * from "./train";

/**
 * An experiment as written in `experiment.yaml`, after aliases and shorthands are replaced (`normalizeExperiment`).
 * Parsing fills every default, so a parsed spec is complete.
 */
export const ExperimentSpec = z
  .strictObject({
    name: z
      .string()
      .regex(
        /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/,
        "expected letters, digits, '.', '_' or '-' (at most 63), starting with a letter or digit",
      )
      .describe("Part of the run's id."),
    description: z.string().max(2000).default("").describe("Shown in the report and in the Temporal UI."),
    task: Task.default("causal_lm").describe("What is learnt: text, or a class."),
    model: ModelSpec,
    dataset: DatasetSpec,
    train: TrainSpec.prefault({}),
    lora: LoraSpec.prefault({}),
    search: SearchSpec.prefault({}),
    eval: EvalSpec.prefault({}),
    save: SaveSpec.prefault({}),
    pack: PackSpec.prefault({}),
    placement: PlacementSpec.prefault({}),
    output: OutputSpec.prefault({}),
  })
  .meta({ id: "ExperimentSpec" });
export type ExperimentSpec = z.infer<typeof ExperimentSpec>;
/** What a person may write: every default optional. */
export type ExperimentInput = z.input<typeof ExperimentSpec>;
