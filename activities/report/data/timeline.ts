import type { RungRow } from "../rows";
import { groupBy } from "./group-by";
import { drawnNote } from "./parallel";
import type { Objective, Timeline, TrialView } from "./report-data";
import { isBetter } from "./trials";

export function timeline(
  trials: readonly TrialView[],
  drawn: readonly TrialView[],
  rungs: readonly RungRow[],
  objective: Objective,
): Timeline {
  const reports = groupBy(rungs, (r) => r.trial);
  const rows = (wave: readonly TrialView[]) =>
    wave.map((t) => ({
      trial: t.trial,
      state: t.state,
      isBest: t.isBest,
      step: t.step,
      reports: [...(reports.get(t.trial) ?? [])]
        .sort((a, b) => a.rung - b.rung)
        .map(({ step, value, verdict }) => ({ step, value, verdict })),
      ended: t.ended,
    }));
  return {
    rungSteps: [...new Set(rungs.map((r) => r.step))].sort((a, b) => a - b),
    lastStep: Math.max(1, ...trials.map((t) => t.step)),
    waves: [...groupBy(drawn, (t) => t.wave)].map(([wave, of]) => ({ wave, rows: rows(of) })),
    rungs: rungSummary(trials, rungs, objective),
    note: drawnNote(drawn.length, trials.length),
  };
}

/** One line per wave and rung: how many reported, how many went on, and the worst value that did. */
function rungSummary(
  trials: readonly TrialView[],
  rungs: readonly RungRow[],
  objective: Objective,
): Timeline["rungs"] {
  const waveOf = new Map(trials.map((t) => [t.trial, t.wave]));
  return [...groupBy(rungs, (r) => `${waveOf.get(r.trial) ?? 0}/${r.rung}/${r.step}`)]
    .map(([, rows]) => {
      const kept = rows.filter((r) => r.verdict === "continue");
      const first = rows[0] as RungRow;
      const cut = kept
        .map((r) => r.value)
        .reduce<number | null>(
          (worst, v) => (worst === null || isBetter(worst, v, objective.mode) ? v : worst),
          null,
        );
      return {
        wave: waveOf.get(first.trial) ?? 0,
        rung: first.rung,
        step: first.step,
        reported: rows.length,
        kept: kept.length,
        pruned: rows.length - kept.length,
        cut,
      };
    })
    .sort((a, b) => a.wave - b.wave || a.step - b.step);
}
