import type { RunStatus, TrialRow } from "../../../workflows/contracts";
import { formatDuration, formatNumber, formatParams, oneLine } from "./format";
import { elapsed, isEnded, type LiveState } from "./state";

/** What happened between two looks, a line each: the view for logs and pipes. */
export function newLines(before: LiveState | null, after: LiveState): string[] {
  const lines: string[] = [];
  const { status } = after;
  if (after.trouble && after.trouble !== before?.trouble) lines.push(after.trouble);
  if (after.retried && after.retried !== before?.retried) lines.push(`${after.retried}; trying again`);
  if (!after.trouble && before?.trouble) lines.push("answered again");
  if (status) {
    lines.push(...runLines(before?.status ?? null, status, after));
    const known = new Map(before?.trials.map((trial) => [trial.trial, trial]));
    for (const trial of after.trials) lines.push(...trialLines(known.get(trial.trial), trial, status, after));
    const { best } = status;
    if (best && (best.trial !== before?.status?.best?.trial || best.value !== before.status.best.value))
      lines.push(
        `best so far: trial ${best.trial}, ${status.metric} ${formatNumber(best.value)} (${formatParams(best.params)})`,
      );
  }
  const time = status ? formatDuration(elapsed(after, status)) : "--:--:--";
  return lines.map((line) => `[${time}] ${oneLine(line)}`);
}

function runLines(before: RunStatus | null, after: RunStatus, state: LiveState): string[] {
  const lines: string[] = [];
  if (!before) lines.push(`run ${state.run}${state.uiUrl ? `, ${state.uiUrl}` : ""}`);
  if (before?.stage !== after.stage) lines.push(`stage ${after.stage}`);
  if (before && before.state !== after.state) lines.push(`run ${after.state}`);
  for (const warning of after.warnings.slice(before?.warnings.length ?? 0)) lines.push(`warning: ${warning}`);
  return lines;
}

function trialLines(
  before: TrialRow | undefined,
  after: TrialRow,
  status: RunStatus,
  state: LiveState,
): string[] {
  const name = `trial ${after.trial}`;
  const value = after.value === null ? "" : `, ${status.metric} ${formatNumber(after.value)}`;
  if (isEnded(after))
    return before && isEnded(before)
      ? []
      : [`${name} ${after.state} at step ${after.step}/${after.totalSteps}${value}`];
  const lines: string[] = [];
  if (!before) lines.push(`${name} ${after.state}: ${formatParams(after.params)}`);
  else if (before.state !== after.state && after.state !== "waiting") lines.push(`${name} ${after.state}`);
  if (after.rung !== null && after.rung !== before?.rung) {
    const loss = state.progress.get(after.trial)?.loss;
    lines.push(
      `${name} at step ${after.step}/${after.totalSteps}${typeof loss === "number" ? `, loss ${formatNumber(loss)}` : ""}${value}`,
    );
  }
  return lines;
}
