import * as Plot from "@observablehq/plot";
import type { DatasetProfile } from "../../../workflows/contracts";
import { number, percentTick, short, signed } from "../data/format";
import type { Comparison } from "../data/report-data";
import { draw } from "./draw";

/** The gain over the base with its interval, against zero. */
export function drawGain(c: Comparison): string {
  const reach = Math.max(Math.abs(c.low), Math.abs(c.high), Math.abs(c.gain)) * 1.15 || 1;
  const colour = c.beatsBase ? "var(--best)" : "var(--pruned)";
  const low = Math.min(c.low, 0) < 0 ? -reach : -reach * 0.08;
  const high = Math.max(c.high, 0) > 0 ? reach : reach * 0.08;
  return draw({
    name: "gain",
    description: `Gain in ${c.label} over the base: ${signed(c.gain)}, 95 % interval ${signed(c.low)} to ${signed(c.high)}`,
    width: 480,
    height: 112,
    marginLeft: 20,
    marginRight: 20,
    marginTop: 34,
    marginBottom: 40,
    x: {
      domain: [low, high],
      label: `difference in ${c.label} (${c.higherIsBetter ? "higher" : "lower"} is better)`,
      labelAnchor: "center",
      labelArrow: "none",
      tickFormat: (v: number) => (v > 0 ? `+${short(v)}` : short(v)),
      ticks: 5,
    },
    y: { axis: null, domain: [0, 1] },
    marks: [
      Plot.ruleX([0], { stroke: "var(--ink)", strokeWidth: 1.5 }),
      Plot.text([0], { x: 0, y: 1, dy: -14, text: () => "base", fill: "var(--muted)" }),
      Plot.ruleY([c], {
        y: 0.5,
        x1: "low",
        x2: "high",
        stroke: colour,
        strokeWidth: 8,
        strokeOpacity: 0.35,
        strokeLinecap: "round",
      }),
      Plot.dot([c], { x: "gain", y: 0.5, r: 6, fill: colour }),
      Plot.text([c], {
        x: "gain",
        y: 1,
        dy: -14,
        text: (d: Comparison) => signed(d.gain),
        fill: colour,
        fontWeight: 700,
        fontSize: 14,
      }),
    ],
  });
}

export function drawLengths(profile: DatasetProfile, cutoff: number): string {
  const { edges, counts } = profile.tokenLengths.histogram;
  const bins = counts.map((rows, i) => ({ low: edges[i] ?? 0, high: edges[i + 1] ?? edges[i] ?? 0, rows }));
  const { median, p95, max } = profile.tokenLengths;
  const marks = [
    { at: median, text: "median" },
    { at: p95, text: "95 %" },
    ...(cutoff <= max * 1.4 ? [{ at: cutoff, text: "cutoff" }] : []),
  ];
  return draw({
    name: "lengths",
    description: `Histogram of token lengths: median ${number(median)}, longest ${number(max)}`,
    height: 240,
    marginLeft: 52,
    marginRight: 24,
    marginTop: 30,
    marginBottom: 42,
    x: { label: "tokens in a row", labelAnchor: "center", labelArrow: "none" },
    y: { label: "rows", labelArrow: "none", ticks: 5 },
    marks: [
      Plot.gridY({ stroke: "var(--grid)", strokeOpacity: 1, ticks: 5 }),
      Plot.rectY(bins, {
        x1: "low",
        x2: "high",
        y: "rows",
        fill: "var(--completed)",
        fillOpacity: 0.8,
        inset: 0.7,
      }),
      Plot.ruleX(marks, { x: "at", stroke: "var(--ink)", strokeDasharray: "3 3" }),
      Plot.text(marks, { x: "at", frameAnchor: "top", dy: -12, text: "text", fill: "var(--muted)" }),
      Plot.ruleY([0], { stroke: "var(--axis)" }),
    ],
  });
}

const splits = ["train", "validation", "test"] as const;
export const labelsShown = 30;

/** Share of each label within each split: the three dots of a balanced label lie on one another. */
export function drawLabels(labels: NonNullable<DatasetProfile["labels"]>): string {
  const shown = [...labels].sort((a, b) => b.train - a.train).slice(0, labelsShown);
  const total = (split: (typeof splits)[number]) =>
    Math.max(
      1,
      labels.reduce((sum, l) => sum + l[split], 0),
    );
  const rows = shown.flatMap((l) =>
    splits.map((split) => ({ label: l.name, split, share: l[split] / total(split) })),
  );
  const colour = (d: { split: string }) =>
    d.split === "train" ? "var(--completed)" : d.split === "validation" ? "var(--best)" : "var(--ink)";
  return draw({
    name: "labels",
    description: `Share of each of ${labels.length} labels in the training, validation and test rows`,
    height: 64 + 22 * shown.length,
    marginLeft: 150,
    marginRight: 24,
    marginBottom: 42,
    x: {
      label: "share of the split's rows",
      labelAnchor: "center",
      labelArrow: "none",
      tickFormat: percentTick,
      ticks: 6,
      zero: true,
    },
    y: {
      domain: shown.map((l) => l.name),
      label: null,
      tickSize: 0,
      tickFormat: (v: string) => (v.length > 20 ? `${v.slice(0, 19)}…` : v),
    },
    marks: [
      Plot.gridX({ stroke: "var(--grid)", strokeOpacity: 1, ticks: 6 }),
      Plot.ruleY(
        rows.filter((r) => r.split === "train"),
        { x1: 0, x2: "share", y: "label", stroke: "var(--completed)", strokeOpacity: 0.5 },
      ),
      Plot.dot(rows, {
        x: "share",
        y: "label",
        r: (d: { split: string }) => (d.split === "train" ? 5 : 3.5),
        fill: (d) => (d.split === "test" ? "none" : colour(d)),
        stroke: colour,
        strokeWidth: 1.5,
      }),
    ],
    r: { type: "identity" },
  });
}
