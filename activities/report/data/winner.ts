import type {
  ArtifactRef,
  NamedArtifact,
  ReproducibilityVerdict,
  StageOutputs,
  VerifyLevel,
} from "../../../workflows/contracts";
import { pythonToLoad } from "../../adapters/python-snippet";
import type { ArtifactRow } from "../../persistence/artifacts";
import { paramFacts, promisesBits } from "./asked";
import type { ArtifactView, ReproducibilityView, TrialView, WinnerView } from "./report-data";

export function winnerView(run: string, trial: TrialView | null, stages: StageOutputs): WinnerView | null {
  if (!trial) return null;
  const { merge, hub, selection } = stages;
  return {
    trial: trial.trial,
    reason: selection?.reason ?? "",
    params: paramFacts(trial.params),
    trainableParams: trial.trainableParams,
    fetch: `npx belay artifacts ${run} --get out`,
    python: pythonToLoad(stages, {
      base: stages.resolved.spec.model.model_name_or_path,
      adapter: "out/adapter",
    }).join("\n"),
    files: (stages.adapter ?? []).map(namedArtifact),
    merge: merge && {
      passed: merge.passed,
      maxLogitDifference: merge.maxLogitDifference,
      tolerance: merge.tolerance,
      rows: merge.rows,
      files: merge.files.map(namedArtifact),
    },
    hubUrl: hub?.url ?? null,
  };
}

export const namedArtifact = ({ path, ref }: NamedArtifact): ArtifactView => ({
  name: path,
  sizeBytes: ref.sizeBytes,
  sha256: ref.sha256,
  uri: ref.uri,
});

export function artifactViews(
  rows: readonly ArtifactRow[],
  limit: number,
): { views: ArtifactView[]; left: number } {
  /** The report cannot hold its own hash, and the manifest is listed by itself. */
  const own = (row: ArtifactRow) =>
    ["report.html", "report.md", "manifest.json", "manifest.dsse.json"].includes(row.name);
  const views = rows
    .filter((row) => !own(row))
    .sort((a, b) => (a.trial ?? -1) - (b.trial ?? -1) || (a.name < b.name ? -1 : 1))
    .map(({ name, ref }) => namedArtifact({ path: name, ref }));
  return { views: views.slice(0, limit), left: Math.max(0, views.length - limit) };
}

export function reproducibility(
  run: string,
  stages: StageOutputs,
  manifest: ArtifactRef,
): ReproducibilityView {
  return {
    verdict: stages.reproducibility,
    sentence: verdictSentence(stages.reproducibility),
    promise: promisesBits(stages.resolved.spec)
      ? "Promised: the same bits on the same hardware (full determinism, deterministic search)."
      : "Promised: the same results within tolerance; bits may differ with neighbours and hardware.",
    command: `npx belay verify ${run}`,
    manifest: {
      name: "manifest.json",
      sizeBytes: manifest.sizeBytes,
      sha256: manifest.sha256,
      uri: manifest.uri,
    },
  };
}

const meaning: Record<VerifyLevel, string> = {
  L0: "every artifact has the hash that the manifest names",
  L1: "the winner's metrics were computed again and agree",
  L2: "the winner's first steps were trained again and its losses agree",
  L3: "the winner was trained again from the manifest alone, to the same bits",
};
export const levelMeaning = (level: VerifyLevel): string => meaning[level];

function verdictSentence(verdict: ReproducibilityVerdict | null): string {
  if (!verdict) return "Not verified.";
  if (verdict.level === null) return "Not reproducible: verification failed.";
  const reached = `Reproducible at ${verdict.level}: ${meaning[verdict.level]}.`;
  return verdict.passed ? reached : `${reached} A higher level was asked for and failed.`;
}
