import type { RunStatus, TrialRow } from "../contracts/messages";

/** Rows shown beside the best: the page is for a glance, the `trials` query has the rest. */
const shownRows = 30;

const figure = (value: number | null): string => (value === null ? "" : String(Number(value.toPrecision(4))));

/** Text that must not break a table's cell. */
const cell = (value: unknown): string =>
  (typeof value === "number" ? figure(value) : typeof value === "string" ? value : JSON.stringify(value))
    .replaceAll("|", "\\|")
    .replaceAll("\n", " ");

/** The live trial table as Markdown, for the workflow's page in the Temporal UI. */
export function liveTable(status: RunStatus, rows: readonly TrialRow[]): string {
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row.params)))].sort();
  const counts = Object.entries(status.counts)
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${count} ${state}`);
  const best =
    status.best === null
      ? "none yet"
      : `trial ${status.best.trial}, ${status.metric} ${figure(status.best.value)}`;
  const head = [
    `**${status.state}**, stage ${status.stage}. Trials: ${counts.join(", ") || "none yet"} (of ${status.numTrials}).`,
    `Best: ${best}.`,
    ...status.warnings.map((warning) => `Warning: ${warning}`),
  ];
  if (rows.length === 0) return head.join("\n\n");
  const newestFirst = [...rows].sort((a, b) => b.trial - a.trial).slice(0, shownRows);
  const header = ["trial", "state", ...keys, "step", status.metric];
  const body = newestFirst.map((row) => [
    `${row.trial}${row.trial === status.best?.trial ? " (best)" : ""}`,
    row.state,
    ...keys.map((key) => (key in row.params ? cell(row.params[key]) : "")),
    // With a slash, the UI sets the two as a fraction.
    `${row.step} of ${row.totalSteps}`,
    figure(row.value),
  ]);
  const lines = [header, header.map(() => "---"), ...body].map((line) => `| ${line.join(" | ")} |`);
  return [...head, lines.join("\n")].join("\n\n");
}
