import * as Plot from "@observablehq/plot";
import { short } from "../data/format";
import type { CurveChart, Objective, TrialView } from "../data/report-data";
import { verticalScale } from "../data/scale";
import { draw, trialLabel } from "./draw";
import { stateColour, statesOf } from "./palette";

/** One line per trial; pruned trials recede, the winner stands out. */
export function drawCurves(chart: CurveChart): string {
  const rows = chart.series.flatMap((s) =>
    s.points.map(([step, value]) => ({
      trial: s.trial,
      state: s.state,
      isBest: s.isBest,
      step,
      value: clamp(value, chart.domain),
    })),
  );
  const best = rows.filter((r) => r.isBest);
  const dots = chart.series.every((s) => s.points.length <= 40) && chart.series.length <= 16;
  return draw({
    name: `curves-${chart.metric}`,
    description: `${chart.label} by step, one line for each of ${chart.series.length} trials`,
    pointable: true,
    states: statesOf(chart.series),
    height: 330,
    marginLeft: 52,
    marginRight: 76,
    marginBottom: 42,
    x: {
      domain: [0, Math.max(...rows.map((r) => r.step))],
      label: "optimizer step",
      labelAnchor: "center",
      labelArrow: "none",
      ticks: 8,
    },
    y: {
      label: chart.log ? `${chart.label} (logarithmic)` : chart.label,
      labelArrow: "none",
      type: chart.log ? "log" : "linear",
      domain: chart.domain,
      ticks: 6,
      tickFormat: short,
    },
    marks: [
      Plot.gridY({ stroke: "var(--grid)", strokeOpacity: 1, ticks: 6 }),
      Plot.line(rows, {
        x: "step",
        y: "value",
        z: "trial",
        stroke: stateColour,
        strokeWidth: (d: { isBest: boolean }) => (d.isBest ? 2.6 : 1.5),
        strokeOpacity: (d: { isBest: boolean }) => (d.isBest || chart.series.length <= 30 ? 1 : 0.5),
        ariaLabel: trialLabel,
      }),
      ...(dots
        ? [Plot.dot(rows, { x: "step", y: "value", r: 2, fill: stateColour, ariaLabel: trialLabel })]
        : []),
      Plot.text(best.slice(-1), {
        x: "step",
        y: "value",
        text: trialLabel,
        dx: 7,
        textAnchor: "start",
        fill: "var(--best)",
        fontWeight: 600,
      }),
    ],
  });
}

const clamp = (value: number, [low, high]: [number, number]): number => Math.min(high, Math.max(low, value));

/** Values in the order of the trials, the best so far as a staircase; filled dots were proposed by the model. */
export function drawHistory(
  trials: readonly TrialView[],
  bestSoFar: readonly (number | null)[],
  objective: Objective,
): string {
  const values = trials.map((t) => t.value).filter((v): v is number => v !== null);
  const { domain, log } = verticalScale(values);
  const worst = objective.mode === "min" ? domain[1] : domain[0];
  const rows = trials.map((t) => ({ ...t, y: t.value === null ? worst : clamp(t.value, domain) }));
  const measured = rows.filter((t) => t.value !== null);
  const stairs = trials.map((t, i) => ({ x: t.trial, y: bestSoFar[i] ?? Number.NaN }));
  const many = trials.length > 150;
  return draw({
    name: "history",
    description: `${objective.label} of each trial in order, with the best so far`,
    states: statesOf(trials),
    height: 280,
    insetTop: 8,
    insetBottom: 8,
    marginLeft: 52,
    marginRight: 24,
    marginBottom: 42,
    x: {
      label: "trial",
      labelAnchor: "center",
      labelArrow: "none",
      tickFormat: (v: number) => (Number.isInteger(v) ? String(v) : ""),
      ticks: Math.min(10, trials.length),
      domain: [-0.5, trials.length - 0.5],
    },
    y: {
      label: log ? `${objective.label} (logarithmic)` : objective.label,
      labelArrow: "none",
      type: log ? "log" : "linear",
      domain,
      ticks: 5,
      tickFormat: short,
    },
    marks: [
      Plot.gridY({ stroke: "var(--grid)", strokeOpacity: 1, ticks: 5 }),
      Plot.line(stairs, {
        x: "x",
        y: "y",
        curve: "step-after",
        stroke: "var(--best)",
        strokeWidth: 1.5,
        strokeOpacity: 0.7,
      }),
      Plot.dot(measured, {
        x: "trial",
        y: "y",
        r: (d: TrialView) => (d.isBest ? 7 : many ? 2.5 : 5),
        stroke: stateColour,
        strokeWidth: 1.6,
        fill: (d: TrialView) => (d.modelBased ? stateColour(d) : "var(--surface)"),
        ariaLabel: trialLabel,
      }),
      Plot.dot(
        rows.filter((t) => t.value === null),
        {
          x: "trial",
          y: "y",
          symbol: "times",
          r: many ? 2.5 : 4,
          stroke: stateColour,
          strokeWidth: 1.6,
          ariaLabel: trialLabel,
        },
      ),
    ],
    r: { type: "identity" },
  });
}
