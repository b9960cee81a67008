import type { z } from "zod";
import type { ExperimentSpec } from "./index";
import type { SpecIssue } from "./issue";
import type { Distribution, SearchableKey } from "./search";
import { LoraSpec, TrainSpec } from "./train";

/** More points than anyone means; a list too many is the usual cause. */
const MAX_GRID = 100_000;

/** Does every value that the space can propose fit its key, and can the sampler work on the space at all? */
export function checkSearchSpace({ search }: ExperimentSpec): SpecIssue[] {
  if (search.space === "auto")
    return search.sampler === "grid" ? [gridNeedsLists(["search", "sampler"])] : [];
  const entries = Object.entries(search.space) as [SearchableKey, Distribution][];
  const issues: SpecIssue[] = [];
  if (entries.length === 0)
    issues.push({
      path: ["search", "space"],
      message: "is empty; name at least one key, or write space: auto",
    });
  for (const [key, distribution] of entries) issues.push(...checkValues(key, distribution));
  if (search.sampler === "grid") issues.push(...checkGrid(entries));
  if (search.sampler === "cmaes" && entries.filter(([, each]) => !("choice" in each)).length < 2)
    issues.push({
      path: ["search", "sampler"],
      message: "cmaes needs at least two numeric ranges in search.space; use tpe",
    });
  return issues;
}

function checkValues(key: SearchableKey, distribution: Distribution): SpecIssue[] {
  const field = fieldOf(key);
  const [shape, values] = Object.entries(distribution)[0] as [string, unknown[]];
  const issues: SpecIssue[] = [];
  for (const [i, value] of values.entries()) {
    const parsed = field.safeParse(value);
    if (parsed.success) continue;
    issues.push({
      path: ["search", "space", key, shape, i],
      message: `${JSON.stringify(value)} does not fit ${key}: ${reason(parsed.error)}`,
    });
  }
  if (
    issues.length === 0 &&
    (shape === "uniform" || shape === "loguniform") &&
    !field.safeParse(between(values)).success
  )
    issues.push({
      path: ["search", "space", key],
      message: `${key} takes whole numbers; use ${shape === "uniform" ? "int" : "logint"}`,
    });
  return issues;
}

/** A number inside the bounds that is certainly not whole. */
const between = ([low, high]: unknown[]): number => {
  const middle = ((low as number) + (high as number)) / 2;
  return Number.isInteger(middle) ? middle + Math.min(0.25, ((high as number) - middle) / 2) : middle;
};

function checkGrid(entries: [SearchableKey, Distribution][]): SpecIssue[] {
  const ranges = entries.filter(([, each]) => "uniform" in each || "loguniform" in each || "logint" in each);
  if (ranges.length > 0) return ranges.map(([key]) => gridNeedsLists(["search", "space", key]));
  const points = entries.reduce((product, [, each]) => product * countOf(each), 1);
  if (points <= MAX_GRID) return [];
  return [
    {
      path: ["search", "space"],
      message: `a grid of ${points} points is more than ${MAX_GRID}; shorten the lists or use another sampler`,
    },
  ];
}

const countOf = (distribution: Distribution): number => {
  if ("choice" in distribution) return distribution.choice.length;
  if ("int" in distribution) return distribution.int[1] - distribution.int[0] + 1;
  return 1;
};

const gridNeedsLists = (path: SpecIssue["path"]): SpecIssue => ({
  path,
  message: "sampler grid needs a list of values for every key of search.space",
});

const fieldOf = (key: SearchableKey): z.ZodType =>
  (key in TrainSpec.shape
    ? TrainSpec.shape[key as keyof typeof TrainSpec.shape]
    : LoraSpec.shape[key as keyof typeof LoraSpec.shape]) as z.ZodType;

const reason = (error: z.ZodError): string =>
  (error.issues[0]?.message ?? "not allowed").replace(/^(Invalid input|Too small|Too big): /, "");
