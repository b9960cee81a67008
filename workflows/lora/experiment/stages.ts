import type { ResolvedSpec } from "../../contracts/resolved";
import type { StageOutputs } from "../../contracts/stages";

export const emptyStages = (resolved: ResolvedSpec): StageOutputs => ({
  resolved,
  dataset: null,
  plan: null,
  selection: null,
  base: null,
  best: null,
  comparison: null,
  adapter: null,
  merge: null,
  hub: null,
  reproducibility: null,
});
