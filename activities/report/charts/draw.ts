import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { TrialViewState } from "../data/report-data";

export interface ChartOptions extends Plot.PlotOptions {
  /** Names the chart in the page: `data-chart`. */
  name: string;
  /** What a reader who cannot see the chart is told. */
  description: string;
  /** Lines are thin: give each a wide invisible twin to point at. */
  pointable?: boolean;
  /** State by trial number, put on the marks as classes, so that style sheets can tell them apart. */
  states?: ReadonlyMap<number, { state: TrialViewState; isBest: boolean }>;
}

/** How a mark says which trial it belongs to; `draw` turns it into an attribute. */
export const trialLabel = (d: { trial: number }): string => `trial ${d.trial}`;

/**
 * Draws a chart as SVG text when the report is written, so that it shows without scripts. Inline styles are taken out:
 * the page's content security policy forbids them, and the page's style sheet says the same.
 */
export function draw({ name, description, pointable, states, ...options }: ChartOptions): string {
  const { document } = parseHTML("<html><body></body></html>");
  const plotted: unknown = Plot.plot({
    width: 860,
    className: "plot",
    ...options,
    document,
  } as Plot.PlotOptions);
  const svg = plotted as SvgElement;
  for (const style of svg.querySelectorAll("style")) style.remove();
  for (const element of svg.querySelectorAll("[style]")) element.removeAttribute("style");
  for (const element of svg.querySelectorAll("[aria-label^='trial ']")) {
    const trial = Number(element.getAttribute("aria-label")?.slice("trial ".length));
    const known = states?.get(trial);
    element.removeAttribute("aria-label");
    element.setAttribute("data-trial", String(trial));
    const isLine = pointable === true && element.tagName.toLowerCase() === "path";
    const classes = ["mark", isLine && "line", known && `is-${known.state}`, known?.isBest && "is-best"];
    element.setAttribute("class", classes.filter(Boolean).join(" "));
    if (isLine) element.after(hitArea(element));
  }
  svg.setAttribute("role", "img");
  svg.setAttribute("data-chart", name);
  svg.setAttribute("aria-label", description);
  const scale = (axis: "x" | "y") => svg.scale?.(axis);
  const [x, y] = [scale("x"), scale("y")];
  if (pointable && x && y) {
    svg.setAttribute("data-x", JSON.stringify([x.domain, x.range]));
    svg.setAttribute("data-y", JSON.stringify([y.domain, y.range, y.type === "log"]));
  }
  return round(svg.outerHTML);
}

function hitArea(path: SvgElement): SvgElement {
  const twin = path.cloneNode(true) as SvgElement;
  for (const attribute of ["stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "opacity"])
    twin.removeAttribute(attribute);
  twin.setAttribute("class", "hit");
  return twin;
}

/** Sub-pixel digits are most of a chart's bytes. Only geometry is rounded, never a label. */
const round = (svg: string): string =>
  svg.replace(/ (d|transform|points|x|y|x1|x2|y1|y2|cx|cy|dx|dy|width|height)="[^"]*"/g, (attribute) =>
    attribute.replace(/-?\d+\.\d{2,}(e-?\d+)?/g, (digits) => String(Math.round(Number(digits) * 10) / 10)),
  );

interface SvgElement {
  tagName: string;
  outerHTML: string;
  remove(): void;
  after(node: SvgElement): void;
  cloneNode(deep: boolean): unknown;
  querySelectorAll(selector: string): SvgElement[];
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
  scale?(name: string): { type: string; domain: number[]; range: number[] } | undefined;
}
