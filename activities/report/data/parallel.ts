import type { Distribution } from "../../../workflows/contracts";
import { choice, count, number } from "./format";
import type { Objective, ParallelPlot, TrialView } from "./report-data";
import { ticks, unitPosition } from "./scale";

export const shades = 7;

/** Parallel coordinates over the parameters that varied and the objective, best at the top of its axis. */
export function parallelPlot(
  trials: readonly TrialView[],
  space: Readonly<Record<string, Distribution>>,
  objective: Objective,
  limit: number,
): ParallelPlot {
  const keys = Object.keys(space).filter((key) => trials.some((t) => t.params[key] !== undefined));
  const varied = keys.filter((key) => new Set(trials.map((t) => choice(t.params[key]))).size > 1);
  const shown = varied.length > 0 ? varied : keys;
  const scale = objectiveScale(
    trials.map((t) => t.value),
    objective.mode,
  );
  const drawn = mostTelling(trials, limit);
  return {
    axes: [
      ...shown.map((key) => ({ key, label: key, ticks: ticks(space[key] as Distribution) })),
      ...(scale ? [{ key: "objective", label: objective.label, ticks: scale.ticks }] : []),
    ],
    lines: drawn.map((t) => {
      const place = scale && t.value !== null ? scale.place(t.value) : null;
      return {
        trial: t.trial,
        state: t.state,
        isBest: t.isBest,
        at: [
          ...shown.map((key) => unitPosition(space[key] as Distribution, t.params[key])),
          ...(scale ? [place] : []),
        ],
        shade: place === null ? null : Math.min(shades - 1, Math.floor(place * shades)),
      };
    }),
    note: drawnNote(drawn.length, trials.length),
  };
}

export const drawnNote = (drawn: number, total: number): string | null =>
  drawn < total
    ? `Drawn: ${count(drawn)} of ${count(total)} trials, half of them the best, the others spread evenly.`
    : null;

/** The better half of the places to the best trials, the rest spread evenly, so that a cut still shows the range. */
export function mostTelling(trials: readonly TrialView[], limit: number): TrialView[] {
  if (trials.length <= limit) return [...trials];
  const byRank = [...trials].sort((a, b) => (a.rank ?? Infinity) - (b.rank ?? Infinity) || a.trial - b.trial);
  const best = byRank.slice(0, Math.ceil(limit / 2));
  const others = byRank.slice(best.length);
  const places = limit - best.length;
  const spread = Array.from(
    { length: places },
    (_, i) => others[Math.floor((i * others.length) / places)] as TrialView,
  );
  return [...best, ...spread].sort((a, b) => a.trial - b.trial);
}

/** Far outliers are drawn at the worst end instead of pressing everything else together. */
function objectiveScale(values: readonly (number | null)[], mode: Objective["mode"]) {
  const sorted = values.filter((v): v is number => v !== null && Number.isFinite(v)).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const at = (q: number) => sorted[Math.round(q * (sorted.length - 1))] as number;
  const spread = 3 * (at(0.75) - at(0.25));
  const low = mode === "max" && spread > 0 ? Math.max(at(0), at(0.25) - spread) : at(0);
  const high = mode === "min" && spread > 0 ? Math.min(at(1), at(0.75) + spread) : at(1);
  const [worst, best] = mode === "min" ? [high, low] : [low, high];
  const place = (value: number) =>
    best === worst ? 1 : Math.min(1, Math.max(0, (value - worst) / (best - worst)));
  const ends = best === worst ? [best] : [0, 0.25, 0.5, 0.75, 1].map((q) => worst + q * (best - worst));
  return { place, ticks: ends.map((value) => ({ at: place(value), text: number(value) })) };
}
