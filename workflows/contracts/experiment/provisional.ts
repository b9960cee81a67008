import { faultsOf, type ZodIssue } from "./faults";
import { ExperimentSpec } from "./index";
import type { SpecPath } from "./issue";
import { isMapping } from "./mapping";

/** What stands in for a required setting that is missing or wrong. */
const placeholders: Record<string, unknown> = {
  name: "unnamed",
  model: { model_name_or_path: "unnamed" },
  dataset: { path: "unnamed" },
  "model.model_name_or_path": "unnamed",
  "dataset.path": "unnamed",
};

/** Taking out one fault can lay bare another, in a section that was no mapping, say. */
const ROUNDS = 4;

/**
 * The experiment with defaults in place of its faulty settings, so that the rules between the others can be checked
 * in the same round. undefined: too little is left of it.
 */
export function withoutFaults(
  value: Record<string, unknown>,
  faults: readonly ZodIssue[],
): ExperimentSpec | undefined {
  const draft = structuredClone(value);
  let issues = faults;
  for (let round = 0; round < ROUNDS; round++) {
    for (const issue of issues) remove(draft, issue);
    const parsed = ExperimentSpec.safeParse(draft);
    if (parsed.success) return parsed.data;
    issues = faultsOf(parsed.error);
  }
  return undefined;
}

function remove(draft: Record<string, unknown>, issue: ZodIssue): void {
  const path = issue.path as SpecPath;
  if (issue.code === "unrecognized_keys") {
    const holder = at(draft, path);
    if (isMapping(holder)) for (const key of issue.keys) delete holder[key];
    return;
  }
  // A list with a faulty entry is left out as a whole.
  const list = path.findIndex((segment) => typeof segment === "number");
  const whole = list < 0 ? path : path.slice(0, list);
  const key = whole.at(-1);
  const holder = at(draft, whole.slice(0, -1), { create: true });
  if (key === undefined || !isMapping(holder)) return;
  const placeholder = placeholders[whole.join(".")];
  if (placeholder === undefined) delete holder[key];
  else holder[key] = structuredClone(placeholder);
}

function at(root: Record<string, unknown>, path: SpecPath, { create = false } = {}): unknown {
  let here: unknown = root;
  for (const segment of path) {
    if (!isMapping(here)) return undefined;
    if (create && here[segment] === undefined) here[segment] = {};
    here = here[segment];
  }
  return here;
}

/** Settings that are judged by another one. */
const judgedBy: Record<string, SpecPath> = {
  "search.sampler": ["search", "space"],
  "model.revision": ["model", "model_name_or_path"],
};

/** Whether a rule's complaint about `path` could be due to the faults themselves. */
export const restsOnFault = (path: SpecPath, faults: readonly SpecPath[]): boolean => {
  const other = judgedBy[path.join(".")];
  return faults.some(
    (fault) =>
      begins(fault, path) ||
      begins(path, fault) ||
      (other !== undefined && (begins(fault, other) || begins(other, fault))),
  );
};

const begins = (path: SpecPath, prefix: SpecPath): boolean =>
  prefix.every((segment, i) => path[i] === segment);
