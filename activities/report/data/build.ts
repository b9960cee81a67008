import { stringify } from "yaml";
import type { ArtifactRef, DatasetProfile, Distribution, StageOutputs } from "../../../workflows/contracts";
import { comparedOn } from "../../../workflows/contracts";
import type { ArtifactRow } from "../../persistence/artifacts";
import type { CurvePoint, RunFacts, RungRow, TrialRecord } from "../rows";
import { asked, spaceRows, weights } from "./asked";
import { curveCharts } from "./curves";
import { datasetView } from "./dataset";
import { count, duration, metricName, percent, plural, scoreName } from "./format";
import { gpuView } from "./gpu";
import { headline, viewComparison } from "./headline";
import { importance } from "./importance";
import { drawnNote, mostTelling, parallelPlot } from "./parallel";
import type { Fact, HistoryPoint, Objective, ReportData, ScoreTable, TrialView } from "./report-data";
import { samples } from "./samples";
import { timeline } from "./timeline";
import { isBetter, viewStates, viewTrials } from "./trials";
import { artifactViews, reproducibility, winnerView } from "./winner";

/** Beyond these a chart is a blot and the file grows large; each cut is stated beside the chart. */
export const limits = { curves: 60, parallel: 200, timeline: 60, gpu: 80, table: 200, artifacts: 60 };

export interface ReportInput {
  run: RunFacts;
  stages: StageOutputs;
  manifest: ArtifactRef;
  profile: DatasetProfile | null;
  trials: TrialRecord[];
  rungs: RungRow[];
  curves: CurvePoint[];
  artifacts: ArtifactRow[];
}

export function objectiveOf(stages: StageOutputs): Objective {
  const { metric, mode } = stages.resolved.spec.search;
  return { metric, label: metricName(metric), mode };
}

/** Trials as the report sees them, and those among them whose curves are drawn (so that only those are loaded). */
export function trialsAndDrawn(input: Pick<ReportInput, "trials" | "rungs" | "stages">): {
  trials: TrialView[];
  drawn: TrialView[];
} {
  const best = input.stages.selection?.best ?? null;
  const byWave = input.stages.resolved.spec.search.deterministic;
  const trials = viewTrials(input.trials, input.rungs, objectiveOf(input.stages), best, byWave);
  return { trials, drawn: mostTelling(trials, limits.curves) };
}

export function buildReportData(input: ReportInput): ReportData {
  const { run, stages, rungs } = input;
  const { spec, code } = stages.resolved;
  const objective = objectiveOf(stages);
  const { trials, drawn } = trialsAndDrawn(input);
  const winner = trials.find((t) => t.isBest) ?? null;
  const comparison = viewComparison(stages.comparison);
  const gpu = gpuView(run.devices, trials, mostTelling(trials, limits.gpu), stages);
  const space = (stages.plan?.space ?? {}) as Record<string, Distribution>;
  const files = artifactViews(input.artifacts, limits.artifacts);
  const seconds = wallSeconds(run, input.trials);
  return {
    run: {
      id: run.run,
      name: run.name,
      description: spec.description,
      startedAt: run.createdAt.toISOString(),
      seconds,
      code: `${code.version}${code.commit ? ` (${code.commit.slice(0, 12)}${code.dirty ? ", with local changes" : ""})` : ""}`,
    },
    objective,
    headline: headline(trials, winner, comparison, stages.selection?.reason ?? null, comparedOn(stages)),
    facts: facts(trials, gpu, seconds),
    comparison,
    scores: scoreTable(stages),
    split: comparedOn(stages),
    asked: asked(spec, stages.plan, comparedOn(stages)),
    space: spaceRows(stages.plan, trials),
    spaceProposed: stages.plan?.proposed ?? false,
    weights: weights(stages.plan),
    dataset: datasetView(input.profile),
    cutoff: spec.dataset.cutoff_len,
    trainsOnPrompt: spec.dataset.train_on_prompt,
    trials,
    counts: Object.fromEntries(
      viewStates.map((state) => [state, trials.filter((t) => t.state === state).length]),
    ) as ReportData["counts"],
    history: history(trials, objective),
    curves: curveCharts(input.curves, drawn, objective),
    curvesNote: drawnNote(drawn.length, trials.length),
    importance: importance(trials, space, spec.search.seed),
    parallel: parallelPlot(trials, space, objective, limits.parallel),
    timeline: timeline(trials, mostTelling(trials, limits.timeline), rungs, objective),
    gpu,
    samples: samples(stages.base, stages.best, spec),
    winner: winnerView(run.run, winner, stages),
    artifacts: files.views,
    artifactsNote: files.left > 0 ? `${plural(files.left, "further file")} in the manifest.` : null,
    reproducibility: reproducibility(run.run, stages, input.manifest),
    warnings: [
      ...new Set([
        ...(stages.dataset?.warnings ?? []),
        ...(input.profile?.warnings ?? []),
        ...(stages.plan?.warnings ?? []),
        ...(stages.warnings ?? []),
      ]),
    ],
    specYaml: stringify(spec),
    tableLimit: limits.table,
  };
}

/** Until the run or its last trial ended; never until "now", so that a repeat renders the same bytes. */
function wallSeconds(run: RunFacts, trials: readonly TrialRecord[]): number {
  const ends = [run.endedAt, ...trials.map((t) => t.endedAt)].filter((d): d is Date => d !== null);
  const last = Math.max(run.createdAt.getTime(), ...ends.map((d) => d.getTime()));
  return (last - run.createdAt.getTime()) / 1000;
}

function facts(trials: readonly TrialView[], gpu: ReportData["gpu"], seconds: number): Fact[] {
  const by = (state: TrialView["state"]) => trials.filter((t) => t.state === state).length;
  const ends = viewStates
    .filter((state) => by(state) > 0)
    .map((state) => `${count(by(state))} ${state}`)
    .join(", ");
  // A rerun of a finalist repeats a proposal.
  const proposals = trials.filter((t) => t.replicateOf === null);
  const modelBased = proposals.filter((t) => t.modelBased).length;
  return [
    { label: "Trials", value: count(trials.length), note: ends },
    {
      label: "Model-based proposals",
      value: count(modelBased),
      note:
        modelBased === 0
          ? "all proposals were random or from the grid"
          : `of ${count(proposals.length)}; the others were start-up draws`,
    },
    {
      label: `${gpu.processor} time`,
      value: duration(gpu.training + gpu.evaluation),
      note:
        gpu.savedShare === null
          ? "training and test"
          : `pruning spared ${percent(gpu.savedShare)} of the steps`,
    },
    { label: "Until the last trial ended", value: duration(seconds), note: "wall clock" },
  ];
}

function scoreTable({ base, best }: StageOutputs): ScoreTable {
  const baselines = Object.entries({ ...base?.baselines, ...best?.baselines });
  const scored = [
    ...(base ? [{ name: "base", metrics: base.metrics }] : []),
    ...baselines.map(([name, metrics]) => ({ name: name.replaceAll("_", " "), metrics })),
    ...(best ? [{ name: "winner", metrics: best.metrics }] : []),
  ];
  const names = [...new Set(scored.flatMap((s) => Object.keys(s.metrics)))];
  return {
    columns: scored.map((s) => s.name),
    rows: names.map((metric) => ({
      metric,
      label: scoreName(metric),
      values: scored.map((s) => s.metrics[metric] ?? null),
    })),
  };
}

/** Completed trials in order, with the best so far; a pruned trial's value is drawn but never counts as best. */
function history(trials: readonly TrialView[], objective: Objective): HistoryPoint[] {
  let bestSoFar: number | null = null;
  return trials.map((t) => {
    if (t.state === "completed" && isBetter(t.value, bestSoFar, objective.mode)) bestSoFar = t.value;
    return { trial: t.trial, value: t.value, state: t.state, modelBased: t.modelBased, bestSoFar };
  });
}
