import type { CompareOutput } from "../../../workflows/contracts";
import { FEWEST_COMPARED_ROWS, isHigherBetter } from "../../../workflows/contracts";
import { count, number, plural, scoreName, signed } from "./format";
import { groupBy } from "./group-by";
import type { Comparison, Headline, Split, TrialView } from "./report-data";

export function viewComparison(comparison: CompareOutput | null): Comparison | null {
  if (!comparison) return null;
  return {
    metric: comparison.metric,
    label: scoreName(comparison.metric),
    higherIsBetter: isHigherBetter(comparison.metric),
    base: comparison.base,
    best: comparison.best,
    gain: comparison.gain,
    low: comparison.low,
    high: comparison.high,
    beatsBase: comparison.beatsBase,
    examples: comparison.examples,
    resamples: comparison.resamples,
  };
}

export const excludesZero = (c: Comparison): boolean => c.low > 0 || c.high < 0;

/** "Beats the base" is said only when the interval excludes zero on the better side. */
export function headline(
  trials: readonly TrialView[],
  winner: { trial: number } | null,
  comparison: Comparison | null,
  reason: string | null,
  split: Split,
): Headline {
  if (!winner) return withoutWinner(trials, reason);
  if (!comparison) {
    return {
      kind: "not-compared",
      sentence: `Trial ${winner.trial} is the best of ${plural(trials.length, "trial")}; it was not compared with the base.`,
      detail: reason ?? "",
    };
  }
  const scores = `${comparison.label} ${number(comparison.best)} against ${number(comparison.base)}`;
  const interval = `The difference of ${signed(comparison.gain)} has a 95 % interval from ${signed(comparison.low)} to ${signed(comparison.high)} (${count(comparison.examples)} ${split} rows, paired bootstrap with ${count(comparison.resamples)} resamples).`;
  if (comparison.examples < FEWEST_COMPARED_ROWS) {
    return {
      kind: "unproven",
      sentence: `Too few ${split} rows to tell whether trial ${winner.trial} beats the base: ${scores}.`,
      detail: `${interval} Fewer than ${FEWEST_COMPARED_ROWS} rows say nothing of others.`,
    };
  }
  if (comparison.beatsBase && excludesZero(comparison)) {
    return { kind: "beats", sentence: `Trial ${winner.trial} beats the base: ${scores}.`, detail: interval };
  }
  if (excludesZero(comparison)) {
    return {
      kind: "worse",
      sentence: `Even the best trial, ${winner.trial}, is worse than the base: ${scores}.`,
      detail: interval,
    };
  }
  return {
    kind: "unproven",
    sentence: `No proof that trial ${winner.trial} beats the base: ${scores}.`,
    detail: `${interval} The interval includes zero, so the difference may be chance.`,
  };
}

function withoutWinner(trials: readonly TrialView[], reason: string | null): Headline {
  const completed = trials.filter((t) => t.state === "completed").length;
  if (trials.length === 0) {
    return { kind: "no-winner", sentence: "No trial was started.", detail: reason ?? "" };
  }
  if (completed > 0) {
    return {
      kind: "no-winner",
      sentence: `No winner among ${plural(trials.length, "trial")}.`,
      detail: reason ?? "No trial improved on what was there.",
    };
  }
  const causes = groupBy(
    trials.filter((t) => t.state === "failed" || t.state === "diverged"),
    (t) => t.ended,
  );
  const common = [...causes].sort((a, b) => b[1].length - a[1].length)[0];
  return {
    kind: "all-failed",
    sentence:
      trials.length === 1
        ? "The only trial did not complete."
        : `None of the ${trials.length} trials completed.`,
    detail: common
      ? `Most common cause (${plural(common[1].length, "trial")}): ${common[0]}.`
      : (reason ?? ""),
  };
}
