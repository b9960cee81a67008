import * as Plot from "@observablehq/plot";
import { percent, percentTick } from "../data/format";
import type { Importance, ParallelLine, ParallelPlot } from "../data/report-data";
import { draw, trialLabel } from "./draw";
import { shadeColour, statesOf } from "./palette";

export function drawImportance(importance: Importance): string {
  const { rows } = importance;
  const fill = (d: { aboveNoise: boolean }) => (d.aboveNoise ? "var(--completed)" : "var(--pruned)");
  return draw({
    name: "importance",
    description: `Importance by parameter: ${rows.map((r) => `${r.key} ${percent(r.score)}`).join(", ")}`,
    height: 54 + 34 * rows.length,
    marginLeft: 190,
    marginRight: 60,
    marginBottom: 40,
    x: {
      domain: [0, 1],
      label: "share of the rank explained",
      labelAnchor: "center",
      labelArrow: "none",
      tickFormat: percentTick,
      ticks: 5,
    },
    y: { domain: rows.map((r) => r.key), label: null, padding: 0.35, tickSize: 0 },
    marks: [
      Plot.gridX({ stroke: "var(--grid)", strokeOpacity: 1, ticks: 5 }),
      Plot.barX(rows, { x: "score", y: "key", fill, rx2: 3 }),
      Plot.tickX(rows, { x: "noise", y: "key", stroke: "var(--ink)", strokeWidth: 2 }),
      Plot.text(rows, {
        x: (d: { score: number; noise: number }) => Math.max(d.score, d.noise),
        y: "key",
        text: (d: { score: number }) => percent(d.score),
        textAnchor: "start",
        dx: 8,
        fill: "var(--ink)",
      }),
      Plot.ruleX([0], { stroke: "var(--axis)" }),
    ],
  });
}

/** Each axis is scaled to its own range; lines are coloured by the objective. */
export function drawParallel({ axes, lines }: ParallelPlot): string {
  const labels = axes.map((_, i) => String(i));
  // The last line drawn lies on top: worst first, the winner last.
  const order = [...lines].sort(
    (a, b) => Number(a.isBest) - Number(b.isBest) || (a.shade ?? -1) - (b.shade ?? -1),
  );
  const points = (of: readonly ParallelLine[]) =>
    of.flatMap((line) => line.at.flatMap((at, i) => (at === null ? [] : [{ ...line, axis: String(i), at }])));
  const dense = lines.length > 60;
  const line = (of: readonly ParallelLine[], dash?: string) =>
    Plot.line(points(of), {
      x: "axis",
      y: "at",
      z: "trial",
      curve: "bump-x",
      stroke: shadeColour,
      strokeWidth: (d: ParallelLine) => (d.isBest ? 3 : dense ? 1 : 1.6),
      strokeOpacity: (d: ParallelLine) => (d.isBest ? 1 : dense ? 0.6 : 0.85),
      ...(dash ? { strokeDasharray: dash } : {}),
      ariaLabel: trialLabel,
    });
  const tickRows = axes.flatMap((axis, i) => axis.ticks.map((t) => ({ axis: String(i), ...t })));
  return draw({
    name: "parallel",
    description: `Parallel coordinates of ${lines.length} trials over ${axes.map((a) => a.label).join(", ")}`,
    pointable: true,
    states: statesOf(lines),
    height: 350,
    marginLeft: 70,
    marginRight: 90,
    marginTop: 46,
    marginBottom: 16,
    x: { type: "point", domain: labels, axis: null, padding: 0 },
    y: { domain: [0, 1], axis: null },
    marks: [
      Plot.ruleX(labels, { stroke: "var(--axis)", strokeWidth: 1.2 }),
      line(
        order.filter((l) => l.state !== "completed"),
        "4 3",
      ),
      line(order.filter((l) => l.state === "completed" && !l.isBest)),
      line(order.filter((l) => l.isBest)),
      Plot.dot(tickRows, { x: "axis", y: "at", r: 2, fill: "var(--axis)" }),
      Plot.text(tickRows, {
        x: "axis",
        y: "at",
        text: "text",
        dx: 8,
        textAnchor: "start",
        fill: "var(--ink)",
        stroke: "var(--surface)",
        strokeWidth: 4,
      }),
      Plot.text(
        axes.map((axis, i) => ({ axis: String(i), label: axis.label })),
        { x: "axis", y: 1, text: "label", dy: -26, fontWeight: 600, fill: "var(--ink)" },
      ),
    ],
  });
}
