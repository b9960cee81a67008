import type { RunStatus, TrialRow } from "../../../workflows/contracts";
import { formatNumber, formatParam, oneLine, type Paint } from "./format";
import { isActive, type LiveState } from "./state";

const MAX_CELL = 24;

/** The trials as lines, header first: at most `maxLines`, the busy ones and the best before the others. */
export function trialTable(state: LiveState, status: RunStatus, maxLines: number, paint: Paint): string[] {
  if (state.trials.length === 0 || maxLines < 2) return [];
  const room = maxLines - 1;
  const fits = state.trials.length <= room;
  const shown = fits ? state.trials : mostTelling(state.trials, status, Math.max(1, room - 1));
  const keys = [...new Set(state.trials.flatMap((trial) => Object.keys(trial.params)))];
  const header = ["trial", "state", ...keys, "step", "loss", status.metric];
  const cells = shown.map((trial) => row(trial, keys, status.metric, state));
  const widths = header.map((title, i) =>
    Math.max(title.length, ...cells.map((each) => each[i]?.length ?? 0)),
  );
  const line = (each: string[]) => each.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ");
  const lines = [paint("bold", `  ${line(header)}`.trimEnd())];
  for (const [i, trial] of shown.entries()) {
    const mark = trial.trial === status.best?.trial ? "*" : " ";
    lines.push(colour(trial, `${mark} ${line(cells[i] ?? [])}`.trimEnd(), mark === "*", paint));
  }
  const hidden = state.trials.length - shown.length;
  if (hidden > 0) lines.push(paint("dim", `  … and ${hidden} more`));
  return lines;
}

function row(
  trial: TrialRow,
  keys: string[],
  metric: string,
  { progress: heard, queued }: LiveState,
): string[] {
  const progress = heard.get(trial.trial);
  const params = keys.map((key) => {
    const value = trial.params[key];
    return value === undefined ? "" : oneLine(formatParam(value)).slice(0, MAX_CELL);
  });
  const step = Math.max(trial.step, progress?.step ?? 0);
  // What the trainer has measured since is newer than what the search was told last.
  const measured = progress?.evaluation && progress.evaluation.step > trial.step ? progress.evaluation : null;
  const value = measured?.metrics[metric] ?? trial.value;
  const total = trial.totalSteps || (progress?.totalSteps ?? 0);
  return [
    String(trial.trial),
    queued.has(trial.trial) ? "queued" : trial.state,
    ...params,
    total > 0 ? `${step}/${total}` : "",
    typeof progress?.loss === "number" ? formatNumber(progress.loss) : "",
    value === null ? "" : formatNumber(value),
  ];
}

function mostTelling(trials: TrialRow[], status: RunStatus, room: number): TrialRow[] {
  const rank = (trial: TrialRow) => (trial.trial === status.best?.trial ? 0 : isActive(trial) ? 1 : 2);
  return [...trials]
    .sort((a, b) => rank(a) - rank(b) || b.trial - a.trial)
    .slice(0, room)
    .sort((a, b) => a.trial - b.trial);
}

function colour(trial: TrialRow, line: string, isBest: boolean, paint: Paint): string {
  if (isBest) return paint("green", line);
  if (trial.state === "failed" || trial.state === "diverged") return paint("red", line);
  if (trial.state === "pruned" || trial.state === "cancelled" || trial.state === "pending")
    return paint("dim", line);
  return line;
}
