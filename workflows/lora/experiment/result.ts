import type { ArtifactRef, NamedArtifact } from "../../contracts/artifact";
import type { ExperimentResult, PublishedArtifact, ReproducibilityVerdict } from "../../contracts/messages";
import { comparedOn, type StageOutputs } from "../../contracts/stages";
import type { Search } from "../search/search";

interface Finished {
  run: { id: string; startedAt: number; warnings: string[] };
  state: "completed" | "failed";
  search: Search;
  stages: StageOutputs;
  manifest: ArtifactRef;
  report: { html: PublishedArtifact; markdown: PublishedArtifact };
}

const published = ({ uri, sha256, sizeBytes }: ArtifactRef): PublishedArtifact => ({
  uri,
  sha256,
  sizeBytes,
});

const fileNamed = (
  files: readonly NamedArtifact[] | undefined | null,
  ...names: string[]
): PublishedArtifact | null => {
  const file = files?.find(({ path }) => names.some((name) => path === name || path.endsWith(`/${name}`)));
  return file === undefined ? null : published(file.ref);
};

const notVerified: ReproducibilityVerdict = { level: null, passed: false, details: [] };

export function experimentResult({
  run,
  state,
  search,
  stages,
  manifest,
  report,
}: Finished): ExperimentResult {
  const { completed, pruned, diverged, failed, cancelled } = search.facts.counts;
  const best = stages.selection?.best ?? null;
  const winner = search.facts.finalists.find((finalist) => finalist.trial === best);
  const merged = fileNamed(stages.merge?.files, "model.safetensors", "model.safetensors.index.json");
  return {
    run: run.id,
    state,
    seconds: (Date.now() - run.startedAt) / 1000,
    trials: { completed, pruned, diverged, failed, cancelled },
    base: { metrics: stages.base?.metrics ?? {} },
    best: winner ? { trial: winner.trial, params: winner.params, metrics: stages.best?.metrics ?? {} } : null,
    comparison: stages.comparison,
    split: comparedOn(stages),
    warnings: run.warnings,
    artifacts: {
      report: published({ ...report.html, mediaType: "text/html" }),
      reportMarkdown: published({ ...report.markdown, mediaType: "text/markdown" }),
      manifest: published(manifest),
      adapter: fileNamed(stages.adapter, "adapter_model.safetensors"),
      metrics: stages.best === null ? null : published(stages.best.metricsJson),
      ...(merged && { merged }),
    },
    reproducibility: stages.reproducibility ?? notVerified,
  };
}
