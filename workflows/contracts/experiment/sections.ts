import { DatasetSpec } from "./dataset";
import { EvalSpec, OutputSpec, PackSpec, PlacementSpec, SaveSpec } from "./evaluation";
import { ModelSpec } from "./model";
import { SearchSpec } from "./search";
import { LoraSpec, TrainSpec } from "./train";

/** The sections of an experiment and their schemas. */
export const sections = {
  model: ModelSpec,
  dataset: DatasetSpec,
  train: TrainSpec,
  lora: LoraSpec,
  search: SearchSpec,
  eval: EvalSpec,
  save: SaveSpec,
  pack: PackSpec,
  placement: PlacementSpec,
  output: OutputSpec,
};

export const sectionKeys = (section: string): string[] =>
  Object.hasOwn(sections, section) ? Object.keys(sections[section as keyof typeof sections].shape) : [];
