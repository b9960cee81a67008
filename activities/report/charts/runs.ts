import * as Plot from "@observablehq/plot";
import { duration, number, tenths } from "../data/format";
import type { GpuView, Objective, Timeline } from "../data/report-data";
import { draw, trialLabel } from "./draw";
import { stateColour, statesOf } from "./palette";

const rowHeight = 21;

/** A bar per trial from step 0 to where it ended, wave by wave, with a dot at each rung it was judged at. */
export function drawTimeline(timeline: Timeline, objective: Objective): string {
  const severalWaves = timeline.waves.length > 1 && timeline.waves.some((w) => w.rows.length > 1);
  const domain: string[] = [];
  const headers: { y: string; wave: number }[] = [];
  const bars = timeline.waves.flatMap((wave) => {
    if (severalWaves) {
      headers.push({ y: `wave ${wave.wave}`, wave: wave.wave });
      domain.push(`wave ${wave.wave}`);
    }
    return wave.rows.map((row) => {
      domain.push(`t${row.trial}`);
      return { ...row, y: `t${row.trial}` };
    });
  });
  const reports = bars.flatMap((row) =>
    row.reports.map((r) => ({
      trial: row.trial,
      state: row.state,
      isBest: row.isBest,
      y: row.y,
      at: r.step,
      value: r.value,
      verdict: r.verdict,
    })),
  );
  const ends = bars.map((row) => ({ ...row, text: endText(row, objective) }));
  return draw({
    name: "timeline",
    description: `How far each of ${bars.length} trials was trained, and at which rung it was pruned`,
    states: statesOf(bars),
    height: 60 + rowHeight * domain.length,
    marginLeft: 74,
    marginRight: 150,
    marginBottom: 42,
    marginTop: 18,
    x: {
      domain: [0, timeline.lastStep],
      label: "optimizer step",
      labelAnchor: "center",
      labelArrow: "none",
      ticks: 8,
    },
    y: { type: "band", domain, axis: null, padding: 0.34 },
    marks: [
      Plot.ruleX(timeline.rungSteps, { stroke: "var(--axis)", strokeDasharray: "3 3" }),
      Plot.text(timeline.rungSteps, {
        x: (d: number) => d,
        frameAnchor: "top",
        dy: -10,
        text: (_: number, i: number) => `rung ${i + 1}`,
        fill: "var(--muted)",
      }),
      Plot.barX(bars, { x1: 0, x2: "step", y: "y", fill: stateColour, rx2: 3, ariaLabel: trialLabel }),
      Plot.dot(
        reports.filter((r) => r.verdict === "continue"),
        {
          x: "at",
          y: "y",
          r: 3.5,
          fill: "var(--surface)",
          stroke: stateColour,
          strokeWidth: 1.5,
          ariaLabel: trialLabel,
        },
      ),
      Plot.dot(
        reports.filter((r) => r.verdict === "prune"),
        {
          x: "at",
          y: "y",
          r: 4,
          symbol: "times",
          stroke: "var(--ink)",
          strokeWidth: 2,
          ariaLabel: trialLabel,
        },
      ),
      Plot.text(bars, {
        frameAnchor: "left",
        y: "y",
        dx: -10,
        textAnchor: "end",
        text: trialLabel,
        fill: (d) => (d.isBest ? "var(--best)" : "var(--ink)"),
        fontWeight: 500,
      }),
      Plot.text(headers, {
        frameAnchor: "left",
        y: "y",
        dx: -10,
        textAnchor: "end",
        text: "y",
        fill: "var(--muted)",
        fontWeight: 700,
      }),
      Plot.text(ends, { x: "step", y: "y", dx: 10, textAnchor: "start", text: "text", fill: "var(--muted)" }),
    ],
  });
}

function endText(row: Timeline["waves"][number]["rows"][number], objective: Objective): string {
  const last = row.reports.at(-1);
  if (row.isBest) return "winner";
  if (row.state === "completed") return "completed";
  if (row.state === "pruned" && last)
    return `pruned at ${last.value === null ? `no ${objective.label}` : number(last.value)}`;
  return row.state;
}

export function drawGpu(gpu: GpuView): string {
  const rows = gpu.perTrial.map((d) => ({ ...d, name: String(d.trial) }));
  const labelled = rows.length <= 24;
  return draw({
    name: "gpu-seconds",
    description: `${gpu.processor} time of each of ${rows.length} trials; ${duration(gpu.training)} together`,
    states: statesOf(rows),
    height: 250,
    marginTop: 36,
    marginLeft: 52,
    marginRight: 24,
    marginBottom: 42,
    x: {
      type: "band",
      domain: rows.map((r) => r.name),
      label: "trial",
      labelAnchor: "center",
      labelArrow: "none",
      tickSize: 0,
      tickFormat: (v: string, i: number) =>
        rows.length <= 40 || i % Math.ceil(rows.length / 20) === 0 ? v : "",
      padding: 0.3,
    },
    y: { label: `${gpu.processor} seconds`, labelArrow: "none", ticks: 5, nice: true, labelOffset: 44 },
    marks: [
      Plot.gridY({ stroke: "var(--grid)", strokeOpacity: 1, ticks: 5 }),
      Plot.barY(rows, { x: "name", y: "seconds", fill: stateColour, ry2: 3, ariaLabel: trialLabel }),
      ...(labelled
        ? [
            Plot.text(rows, {
              x: "name",
              y: "seconds",
              dy: -7,
              text: (d: { seconds: number }) => tenths(d.seconds),
              fill: "var(--muted)",
            }),
          ]
        : []),
      Plot.ruleY([0], { stroke: "var(--axis)" }),
    ],
  });
}
