/** How numbers read in the report: short, the same everywhere, never locale-dependent. */

import type { Split } from "./report-data";

const grouped = (digits: string): string => digits.replace(/\B(?<!\.\d*)(?=(\d{3})+(?!\d))/g, ",");

export const count = (value: number): string => grouped(Math.round(value).toString());

/** Four significant digits at most; exponents where zeros would hide the number. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "not a number" : value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) return minus(grouped(value.toString()));
  if (size < 1e-3 || size >= 1e6)
    return minus(
      value
        .toExponential(2)
        .replace(/\.?0+e/, "e")
        .replace("e+", "e"),
    );
  if (size >= 1000) return minus(grouped(value.toFixed(0)));
  if (size < 1) return minus(value.toPrecision(3));
  return minus(value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 3));
}

/** The same without trailing zeros: for axes, ranges and parameters. */
export const short = (value: number): string => {
  const text = number(value);
  return /^[^e]*\.\d*0$/.test(text) ? text.replace(/\.?0+$/, "") : text;
};

/** Seconds in tables and on bars. */
export const tenths = (value: number): string => grouped(value.toFixed(1));

export const signed = (value: number): string => (value > 0 ? `+${number(value)}` : number(value));

const minus = (text: string): string => text.replace(/^-/, "−").replace("e-", "e−");

export const percent = (share: number): string => {
  const value = share * 100;
  if (value === 0 || value === 100) return `${value} %`;
  if (value < 0.1) return "under 0.1 %";
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} %`;
};

/** A share on an axis, where the ticks say how fine it is. */
export const percentTick = (share: number): string => `${short(Number((share * 100).toPrecision(6)))} %`;

export function duration(seconds: number): string {
  if (seconds === 0) return "none";
  if (seconds < 1) return "under 1 s";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds) % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function bytes(size: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let value = size;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}

export const ordinal = (n: number): string => {
  const tens = n % 100;
  if (tens >= 11 && tens <= 13) return `${n}th`;
  return `${n}${["th", "st", "nd", "rd"][n % 10] ?? "th"}`;
};

export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${count(n)} ${n === 1 ? one : many}`;

/** A parameter's value as people write it. */
export function choice(value: unknown): string {
  if (value === null || value === undefined) return "none";
  if (typeof value === "number") return short(value);
  if (Array.isArray(value)) return value.join(", ");
  return String(value);
}

export const utc = (time: Date): string => `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;

/** Long text cut in the middle of nowhere reads badly: cut at the end, and say so. */
export const clip = (text: string, limit: number): string =>
  text.length <= limit ? text : `${text.slice(0, limit - 1).trimEnd()}…`;

const names: Record<string, string> = {
  eval_loss: "validation loss",
  train_loss: "training loss",
  bits_per_byte: "bits per byte",
  token_accuracy: "token accuracy",
  exact_match: "exact match",
  macro_f1: "macro F1",
  f1: "F1",
};

export const rowsOf = (split: Split): string =>
  split === "test"
    ? "the test rows, which the search never saw"
    : "the validation rows, by which the search chose: there are no test rows";

/** On test rows the loss is no validation loss. */
export const scoreName = (metric: string): string => (metric === "eval_loss" ? "loss" : metricName(metric));

export const metricName = (metric: string): string => names[metric] ?? metric.replaceAll("_", " ");
