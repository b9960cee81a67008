import { isMapping } from "./mapping";
import type { SearchableKey } from "./search";

/** A distribution rewritten into our own form, or why that is not possible. */
export type Rewritten = { value: unknown; changed: boolean } | { problem: string };

const integerKeys: readonly SearchableKey[] = [
  "r",
  "per_device_train_batch_size",
  "gradient_accumulation_steps",
  "max_steps",
];

const ownShapes = ["uniform", "loguniform", "int", "logint", "choice"];

/** Accepts a bare list, a single value, W&B's {values}, {value}, {min, max, distribution} and Optuna's {low, high, log}. */
export function rewriteDistribution(key: string, written: unknown): Rewritten {
  if (Array.isArray(written)) return { value: { choice: written }, changed: true };
  if (!isMapping(written)) return { value: { choice: [written] }, changed: true };
  const has = (name: string) => Object.hasOwn(written, name);
  if (ownShapes.some(has)) return { value: written, changed: false };
  if (has("values")) return { value: { choice: written.values }, changed: true };
  if (has("choices")) return { value: { choice: written.choices }, changed: true };
  if (has("value")) return { value: { choice: [written.value] }, changed: true };
  if (has("log_uniform")) return { value: { loguniform: written.log_uniform }, changed: true };
  if (has("min") || has("max")) return range(key, written.min, written.max, kindOf(key, written));
  if (has("low") || has("high"))
    return range(key, written.low, written.high, {
      integer: written.type === "int" || isIntegerKey(key),
      log: written.log === true,
    });
  return {
    problem: `expected a list of values or one of ${ownShapes.map((shape) => `{${shape}: …}`).join(", ")}`,
  };
}

type Kind = { integer: boolean; log: boolean } | { problem: string };

function kindOf(key: string, { distribution, min, max }: Record<string, unknown>): Kind {
  switch (distribution) {
    case undefined:
      return { integer: (Number.isInteger(min) && Number.isInteger(max)) || isIntegerKey(key), log: false };
    case "uniform":
      return { integer: isIntegerKey(key), log: false };
    case "int_uniform":
      return { integer: true, log: false };
    case "log_uniform_values":
      return { integer: isIntegerKey(key), log: true };
    case "log_uniform":
      return {
        problem: "log_uniform takes exponents; write log_uniform_values, or {loguniform: [low, high]}",
      };
    default:
      return {
        problem: `the distribution ${JSON.stringify(distribution)} is not known; use uniform, int_uniform or log_uniform_values`,
      };
  }
}

function range(key: string, low: unknown, high: unknown, kind: Kind): Rewritten {
  if ("problem" in kind) return kind;
  if (low === undefined || high === undefined)
    return { problem: `${key} needs both a lower and an upper bound` };
  const shape = kind.integer ? (kind.log ? "logint" : "int") : kind.log ? "loguniform" : "uniform";
  return { value: { [shape]: [low, high] }, changed: true };
}

const isIntegerKey = (key: string): boolean => (integerKeys as readonly string[]).includes(key);
