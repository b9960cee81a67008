import type { TrialParams } from "../../../workflows/contracts";

/** Colours of the terminal, as names of `util.styleText`; without colours, `plain`. */
export type Paint = (style: "bold" | "dim" | "green" | "yellow" | "red" | "cyan", text: string) => string;
export const plain: Paint = (_style, text) => text;

/** Four significant digits, and no more characters than needed. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e6) return value.toExponential(2).replace(/\.?0+e/, "e");
  return String(Number(value.toPrecision(4)));
}

export function formatParam(value: TrialParams[string]): string {
  if (typeof value === "number") return formatNumber(value);
  return Array.isArray(value) ? value.join("+") : String(value);
}

export const formatParams = (params: TrialParams): string =>
  Object.entries(params)
    .map(([key, value]) => `${key}=${formatParam(value)}`)
    .join(", ");

export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return [h, m, s].map((part) => String(part).padStart(2, "0")).join(":");
}

export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: this is what a colour looks like
const ESCAPE = /\x1b\[[0-9;]*m/y;

/** Cuts a line to a width; colours take none, and are closed where the line is cut. */
export function fit(line: string, width: number): string {
  let visible = 0;
  let coloured = false;
  for (let at = 0; at < line.length; ) {
    ESCAPE.lastIndex = at;
    const colour = ESCAPE.exec(line);
    if (colour) {
      at += colour[0].length;
      coloured = true;
      continue;
    }
    if (visible === width - 1 && widthOf(line.slice(at)) > 1)
      return `${line.slice(0, at)}…${coloured ? "\x1b[0m" : ""}`;
    visible++;
    at++;
  }
  return line;
}

/** Visible characters of a line. */
export const widthOf = (line: string): number => line.replace(new RegExp(ESCAPE.source, "g"), "").length;

/** Text of another's making (an error, a parameter) on one line, without control characters. */
export function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not reach the terminal
  return text.replace(/[\x00-\x1f\x7f-\x9f]+/g, " ").trim();
}
