import type { Distribution } from "../../../workflows/contracts";
import { choice, short } from "./format";

/** Where a value lies on its range, from 0 to 1; evenly spaced for choices, by logarithm for logarithmic ranges. */
export function unitPosition(distribution: Distribution, value: unknown): number {
  if ("choice" in distribution) {
    const ordered = orderedChoices(distribution.choice);
    const index = ordered.findIndex((option) => choice(option) === choice(value));
    return ordered.length === 1 || index < 0 ? 0.5 : index / (ordered.length - 1);
  }
  const [low, high, log] = range(distribution);
  if (typeof value !== "number") return 0.5;
  const place = log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  return Math.min(1, Math.max(0, place));
}

export function ticks(distribution: Distribution): { at: number; text: string }[] {
  if ("choice" in distribution) {
    return orderedChoices(distribution.choice).map((option) => ({
      at: unitPosition(distribution, option),
      text: choice(option),
    }));
  }
  const [low, high, log] = range(distribution);
  const inside = log ? decades(low, high) : [];
  return [low, ...inside, high].map((value) => ({
    at: unitPosition(distribution, value),
    text: short(value),
  }));
}

export function describe(distribution: Distribution): string {
  if ("choice" in distribution) return distribution.choice.map(choice).join(", ");
  const [low, high, log] = range(distribution);
  const whole = "int" in distribution || "logint" in distribution;
  return `${short(low)} to ${short(high)}${whole ? ", whole numbers" : ""}${log ? ", logarithmic" : ""}`;
}

/** Numbers rise along an axis however the list was written; anything else keeps its order. */
const orderedChoices = (options: readonly unknown[]): unknown[] =>
  options.every((o) => typeof o === "number")
    ? [...(options as number[])].sort((a, b) => a - b)
    : [...options];

function range(distribution: Exclude<Distribution, { choice: unknown }>): [number, number, boolean] {
  if ("loguniform" in distribution) return [...distribution.loguniform, true];
  if ("logint" in distribution) return [...distribution.logint, true];
  if ("uniform" in distribution) return [...distribution.uniform, false];
  return [...distribution.int, false];
}

/** Powers of ten well inside a logarithmic range, so that labels do not touch its ends. */
function decades(low: number, high: number): number[] {
  const inside: number[] = [];
  for (let e = Math.ceil(Math.log10(low)); e <= Math.floor(Math.log10(high)); e += 1) {
    const value = 10 ** e;
    const place = Math.log(value / low) / Math.log(high / low);
    if (place > 0.12 && place < 0.88) inside.push(value);
  }
  return inside;
}

/** Where a few values lie far beyond all others, the axis ends below them and they are drawn at its edge. */
export function verticalScale(values: readonly number[]): { domain: [number, number]; log: boolean } {
  const sorted = [...values].sort((a, b) => a - b);
  if (sorted.length === 0) return { domain: [0, 1], log: false };
  const low = sorted[0] as number;
  const last = sorted.at(-1) as number;
  const usual = sorted[Math.ceil(0.985 * (sorted.length - 1))] as number;
  const high = usual > 0 && last > 2 * usual ? 1.15 * usual : last;
  const log = low > 0 && high / low > 30;
  if (log) return { domain: [low, Math.max(high, low * 1.01)], log };
  const margin = (high - low) * 0.04 || Math.abs(high) * 0.1 || 1;
  return { domain: [low >= 0 ? Math.max(0, low - margin) : low - margin, high + margin], log };
}
