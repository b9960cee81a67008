import {
  type ExperimentResult,
  FEWEST_COMPARED_ROWS,
  isHigherBetter,
  type ReproducibilityVerdict,
} from "../../workflows/contracts";
import { formatBytes, formatDuration, formatNumber, formatParams, type Paint } from "./live/format";

type Comparison = NonNullable<ExperimentResult["comparison"]>;

export interface SummaryContext {
  uiUrl: string | null;
  /** Folder of the fetched report, null when the store could not be read. */
  local: { report: string } | null;
  paint: Paint;
}

/** What a person reads at the end of a run. */
export function summary(result: ExperimentResult, { uiUrl, local, paint }: SummaryContext): string[] {
  const { run, state, seconds, trials } = result;
  const heading = `${run} ${state} in ${formatDuration(seconds * 1000)}`;
  const lines = [
    paint("bold", state === "completed" ? paint("green", heading) : paint("red", heading)),
    row("trials", countsOf(trials)),
    ...scoreLines(result, paint),
    ...(result.warnings ?? []).map((warning) => row("worth knowing", warning)),
    "",
    ...artifactLines(result),
    "",
    ...verdictLines(result.reproducibility, paint),
    "",
    "Look further",
  ];
  if (local) lines.push(row("report", local.report));
  if (uiUrl) lines.push(row("Temporal UI", uiUrl));
  lines.push(
    row("dashboard", "npx belay dashboard"),
    row("files", `npx belay artifacts ${run} --get ./${run}`),
    row("check again", `npx belay verify ${run}`),
    row("stop the stack", "npx belay down"),
  );
  return lines;
}

const row = (title: string, text: string): string => `  ${title.padEnd(15)} ${text}`;

function countsOf(trials: ExperimentResult["trials"]): string {
  const some = Object.entries(trials).filter(([, count]) => count > 0);
  return some.map(([state, count]) => `${count} ${state}`).join(", ") || "none";
}

function scoreLines({ best, base, comparison, split = "test" }: ExperimentResult, paint: Paint): string[] {
  if (!best) return [row("best trial", "none: no trial completed with a score")];
  const lines = [row("best trial", `${best.trial} (${formatParams(best.params)})`)];
  const metric = comparison?.metric ?? Object.keys(best.metrics).find((name) => name in base.metrics);
  if (!metric) return lines;
  const [from, to] = [base.metrics[metric], best.metrics[metric]];
  const scores = [
    row(metric, `${shown(from)} base → ${paint("bold", `${shown(to)} best`)}, on ${split} rows`),
  ];
  if (comparison) scores.push(row(...comparisonRow(comparison)));
  return [...lines, ...scores];
}

function comparisonRow(comparison: Comparison): [title: string, text: string] {
  const { metric, gain, low, high, beatsBase, examples } = comparison;
  const isGain = isHigherBetter(metric);
  const verdict = beatsBase
    ? "beats the base"
    : examples < FEWEST_COMPARED_ROWS
      ? `too few rows (${examples}) to tell`
      : "not shown to beat the base";
  return [
    isGain ? "gain" : "change",
    `${signed(gain)}${isGain ? "" : " (lower is better)"}, 95 % interval ${signed(low)} to ${signed(high)}: ${verdict}`,
  ];
}

const shown = (value: number | undefined): string => (value === undefined ? "–" : formatNumber(value));
const signed = (value: number): string => (value > 0 ? `+${formatNumber(value)}` : formatNumber(value));

function artifactLines({ artifacts }: ExperimentResult): string[] {
  const { adapter, merged, manifest, report } = artifacts;
  const named = { adapter, merged, manifest, report };
  return [
    "Artifacts",
    ...Object.entries(named).flatMap(([name, each]) =>
      each
        ? [row(name, `${each.uri} (${formatBytes(each.sizeBytes)}, sha256 ${each.sha256.slice(0, 12)}…)`)]
        : [],
    ),
  ];
}

/** The verdict first, then each level's line. */
export function verdictLines({ level, passed, details }: ReproducibilityVerdict, paint: Paint): string[] {
  const verdict = passed
    ? paint("green", level ? `verified to ${level}` : "what was checked holds")
    : paint("red", `NOT verified${level ? `, only to ${level}` : ""}`);
  return [
    `Reproducibility: ${verdict}`,
    ...details.map((each) => `  ${each.passed ? "✓" : "✗"} ${each.level} ${each.message}`),
  ];
}
