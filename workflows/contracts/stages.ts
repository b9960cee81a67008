import type { NamedArtifact } from "./artifact";
import type { ReproducibilityVerdict } from "./messages";
import type { ResolvedSpec } from "./resolved";
import type {
  CompareOutput,
  DatasetSummary,
  EvalOutput,
  HubPushOutput,
  MergeOutput,
  SearchPlan,
  SelectBestOutput,
} from "./skills";

/**
 * What the stages of an experiment have produced so far. Small: everything big is an ArtifactRef, and rows about
 * trials, rungs and metrics are read from Postgres by whoever needs them.
 */
export interface StageOutputs {
  resolved: ResolvedSpec;
  dataset: DatasetSummary | null;
  plan: SearchPlan | null;
  selection: SelectBestOutput | null;
  /** Base and winner, each scored once on the test split. */
  base: EvalOutput | null;
  best: EvalOutput | null;
  comparison: CompareOutput | null;
  /** The published adapter folder: adapter_config.json, adapter_model.safetensors, the tokenizer's files, README.md. */
  adapter: NamedArtifact[] | null;
  merge: MergeOutput | null;
  hub: HubPushOutput | null;
  reproducibility: ReproducibilityVerdict | null;
  /** What goes, or went, otherwise than asked for: "not uploaded", "no test rows". */
  warnings?: string[];
}

/** The rows that base and winner are compared on: those the search never saw, where there are any. */
export const comparedOn = ({ dataset }: Pick<StageOutputs, "dataset">): "test" | "validation" =>
  (dataset?.rows.test ?? 0) > 0 ? "test" : "validation";
