import { normalizeValue, shorthandKeys } from "./aliases";
import { canonicalKey, homeOf, spaceKey } from "./canonical-keys";
import { checkExperiment } from "./cross-checks";
import { isHigherBetter } from "./evaluation";
import { faultsOf, type ZodIssue } from "./faults";
import { ExperimentSpec } from "./index";
import type { SpecIssue, SpecPath } from "./issue";
import { isMapping } from "./mapping";
import { restsOnFault, withoutFaults } from "./provisional";
import { sections } from "./sections";
import { rewriteDistribution } from "./space-shorthands";
import { explain } from "./wording";

export type { SpecIssue, SpecPath } from "./issue";
export { formatSpecIssues, formatSpecPath } from "./issue";

/** An experiment with our own keys in their own places, not yet checked. */
export interface NormalizedExperiment {
  value: Record<string, unknown>;
  issues: SpecIssue[];
  /** Where the author wrote what now stands at `path`. */
  original: (path: SpecPath) => SpecPath;
}

export type ParsedExperiment =
  | { ok: true; spec: ExperimentSpec }
  | {
      ok: false;
      issues: SpecIssue[];
      /** The experiment with defaults in place of what is wrong; undefined: too little is left of it. */
      provisional: ExperimentSpec | undefined;
      /** Of complaints about `provisional`: those that are not due to what is wrong already. */
      admit: (complaints: readonly SpecIssue[]) => SpecIssue[];
    };

/** Everything that is wrong with an experiment at once, or the complete experiment. Reads no file. */
export function parseExperiment(raw: unknown): ParsedExperiment {
  const { value, issues, original } = normalizeExperiment(raw);
  const parsed = ExperimentSpec.safeParse(value, { reportInput: true });
  const found = [...issues];
  const known = new Set(issues.map(({ path }) => path.join("\0")));
  const faults = parsed.success ? [] : faultsOf(parsed.error);
  // A complaint about a place that normalisation has complained about already says nothing new.
  for (const issue of faults.flatMap(explain)) {
    const path = original(issue.path);
    if (!known.has(path.join("\0"))) found.push({ ...issue, path });
  }
  // Some faults are known by the place where their author wrote them, some by our own.
  const faulty = [...found.map(({ path }) => path), ...faults.flatMap(faultyPaths)];
  const admit = (complaints: readonly SpecIssue[]) =>
    complaints
      .filter(({ path }) => !restsOnFault(path, faulty) && !restsOnFault(original(path), faulty))
      .map((issue) => ({ ...issue, path: original(issue.path) }));
  const provisional = parsed.success ? parsed.data : withoutFaults(value, faults);
  if (provisional) found.push(...admit(checkExperiment(provisional)));
  if (found.length > 0 || !parsed.success) return { ok: false, issues: found, provisional, admit };
  return { ok: true, spec: parsed.data };
}

/** An unknown key is at fault itself, and not the section that it stands in. */
const faultyPaths = (fault: ZodIssue): SpecPath[] =>
  fault.code === "unrecognized_keys"
    ? fault.keys.map((key) => [...(fault.path as SpecPath), key])
    : [fault.path as SpecPath];

/** Puts aliases, flat keys and shorthands into our own form. */
export function normalizeExperiment(raw: unknown): NormalizedExperiment {
  if (!isMapping(raw))
    return {
      value: {},
      issues: [{ path: [], message: "expected an experiment: a mapping with name, model, dataset, …" }],
      original: () => [],
    };
  const draft = new Draft();
  for (const [key, value] of Object.entries(raw)) placeTopLevel(draft, key, value);
  normalizeSpace(draft);
  fillMode(draft);
  return draft.finish();
}

function placeTopLevel(draft: Draft, key: string, value: unknown): void {
  if (!Object.hasOwn(sections, key)) {
    const home = homeOf(key);
    if (home) draft.put(home.section, home.key, key, value, [key]);
    else draft.top.set(key, value);
    return;
  }
  const shorthand = Object.hasOwn(shorthandKeys, key) ? shorthandKeys[key] : undefined;
  if (shorthand !== undefined && (typeof value === "string" || Array.isArray(value))) {
    draft.put(key, shorthand, key, value, [key]);
    return;
  }
  // An empty section (`lora:`) takes every default.
  if (value === null) {
    draft.open(key);
    return;
  }
  if (!isMapping(value)) {
    draft.top.set(key, value);
    return;
  }
  draft.open(key);
  for (const [written, each] of Object.entries(value))
    draft.put(key, canonicalKey(key, written), written, each, [key, written]);
}

function normalizeSpace(draft: Draft): void {
  const search = draft.sections.get("search");
  const space = search?.get("space");
  if (!search || !isMapping(space)) return;
  const from = draft.original(["search", "space"]);
  const rewritten = new Map<string, unknown>();
  for (const [written, value] of Object.entries(space)) {
    const path = [...from, written];
    const { section, key } = spaceKey(written);
    if (rewritten.has(key)) {
      draft.issues.push({ path, message: `${key} is there twice, under two names; keep one` });
      continue;
    }
    const distribution = rewriteDistribution(key, value);
    if ("problem" in distribution) {
      draft.issues.push({ path, message: distribution.problem });
      rewritten.set(key, value);
    } else rewritten.set(key, normalizeChoices(section, key, distribution.value));
    const changed = "problem" in distribution || distribution.changed;
    draft.moved(["search", "space", key], path, changed && !Array.isArray(value));
    if (Array.isArray(value)) draft.moved(["search", "space", key, "choice"], path, false);
  }
  search.set("space", Object.fromEntries(rewritten));
}

function normalizeChoices(section: string, key: string, distribution: unknown): unknown {
  if (!isMapping(distribution) || !Array.isArray(distribution.choice)) return distribution;
  return {
    ...distribution,
    choice: distribution.choice.map((each) => normalizeValue(section, key, key, each)),
  };
}

/** The direction follows from the metric, so only a person who wants to say it has to. */
function fillMode(draft: Draft): void {
  const search = draft.sections.get("search");
  const metric = search?.get("metric");
  if (search && !search.has("mode") && typeof metric === "string")
    search.set("mode", isHigherBetter(metric) ? "max" : "min");
}

/** An experiment being put together, and where each piece came from. */
class Draft {
  readonly top = new Map<string, unknown>();
  readonly sections = new Map<string, Map<string, unknown>>();
  readonly issues: SpecIssue[] = [];
  private readonly moves: { to: SpecPath; from: SpecPath; reshaped: boolean }[] = [];

  open(section: string): void {
    if (!this.sections.has(section)) this.sections.set(section, new Map());
  }

  put(section: string, key: string, written: string, value: unknown, from: SpecPath): void {
    this.open(section);
    const keys = this.sections.get(section) as Map<string, unknown>;
    if (keys.has(key)) {
      const other = this.original([section, key]).join(".");
      this.issues.push({ path: from, message: `says the same as ${other}; keep one of the two` });
      return;
    }
    const normal = normalizeValue(section, key, written, value);
    keys.set(key, normal);
    const canonical = [section, key];
    if (canonical.join("\0") !== from.join("\0") || normal !== value)
      this.moved(canonical, from, normal !== value);
  }

  /** `reshaped`: paths below `to` mean nothing to the author. */
  moved(to: SpecPath, from: SpecPath, reshaped: boolean): void {
    this.moves.push({ to, from, reshaped });
  }

  original = (path: SpecPath): SpecPath => {
    let best: { to: SpecPath; from: SpecPath; reshaped: boolean } | undefined;
    for (const move of this.moves) {
      const covers = move.to.length <= path.length && move.to.every((segment, i) => segment === path[i]);
      if (covers && (!best || move.to.length >= best.to.length)) best = move;
    }
    if (!best) return path;
    return best.reshaped ? best.from : [...best.from, ...path.slice(best.to.length)];
  };

  finish(): NormalizedExperiment {
    const built = [...this.sections].map(([section, keys]) => [section, Object.fromEntries(keys)] as const);
    // Flat keys beside a section that is not a mapping: the section's own mistake is what the author must see.
    const value = Object.fromEntries([...built, ...this.top]);
    return { value, issues: this.issues, original: this.original };
  }
}
