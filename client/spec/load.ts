import { dirname, resolve } from "node:path";
import type { ExperimentSpec } from "../../workflows/contracts";
import { isMapping } from "../../workflows/contracts/experiment/mapping";
import { normalizeExperiment, parseExperiment } from "../../workflows/contracts/experiment/normalize";
import { applyOverride } from "./apply-override";
import { type Position, parseSpecDocument } from "./document";
import { InvalidExperimentError, type LocatedIssue, type SpecIssue, type SpecPath } from "./issue";
import { type LocalInput, resolveLocalPaths } from "./local-paths";
import { isOverride, type Override, overrideOf, parseOverride } from "./overrides";
import { readSpecText } from "./read-file";

/** An experiment that may be started: complete, its local paths absolute and present. */
export interface LoadedExperiment {
  spec: ExperimentSpec;
  inputs: LocalInput[];
}

export interface LoadOptions {
  /** `--set` options as typed: dotted key, equals sign, value as YAML. */
  set?: readonly string[];
  /** Where a relative `file` starts. */
  cwd?: string;
}

/**
 * Reads an experiment file (YAML or JSON).
 *
 * @throws InvalidExperimentError with everything that is wrong with it.
 */
export function loadExperimentFile(
  file: string,
  { set = [], cwd = process.cwd() }: LoadOptions = {},
): LoadedExperiment {
  const path = resolve(cwd, file);
  const inFile = (message: string, position: Position | null = null, at: SpecPath = []): LocatedIssue => ({
    source: file,
    line: position?.line ?? null,
    column: position?.column ?? null,
    path: at,
    message,
  });
  if (isData(file)) throw new InvalidExperimentError([inFile("holds data; name the experiment's YAML file")]);
  const read = readSpecText(path);
  if (!read.ok) throw new InvalidExperimentError([inFile(read.message)]);
  const document = parseSpecDocument(read.text);
  if (!document.ok) throw new InvalidExperimentError(document.problems.map((p) => inFile(p.message, p)));
  const { value, locate } = document;
  if (!isMapping(value))
    throw new InvalidExperimentError([
      inFile("expected keys and values, such as `name: my-search`", locate([])),
    ]);

  const overrides = applyOverrides(value, set);
  const located = ({ path: at, message }: SpecIssue): LocatedIssue => {
    const place = locate(at);
    const override = overrideOf(at, overrides, place.exact);
    if (!override) return inFile(message, place, at);
    return { source: `--set ${override.text}`, line: null, column: null, path: at, message };
  };
  return checkExperiment(value, dirname(path), located);
}

/**
 * Checks an experiment given as a value; relative paths are taken from `folder`.
 *
 * @throws InvalidExperimentError with everything that is wrong with it.
 */
export function checkExperiment(
  raw: unknown,
  folder: string,
  located: (issue: SpecIssue) => LocatedIssue = inObject,
): LoadedExperiment {
  const parsed = parseExperiment(raw);
  if (!parsed.ok) {
    const onMachine = parsed.provisional ? resolveLocalPaths(parsed.provisional, folder).issues : [];
    throw new InvalidExperimentError(
      [...parsed.issues, ...parsed.admit(onMachine)].map(located).sort(byPlace),
    );
  }
  const { spec, inputs, issues } = resolveLocalPaths(parsed.spec, folder);
  if (issues.length > 0) {
    const { original } = normalizeExperiment(raw);
    throw new InvalidExperimentError(
      issues.map((issue) => located({ ...issue, path: original(issue.path) })).sort(byPlace),
    );
  }
  return { spec, inputs };
}

const isData = (file: string): boolean => /\.(jsonl|csv|tsv|parquet)$/i.test(file);

/** As one reads the file; what has no place in it comes first. */
const byPlace = (a: LocatedIssue, b: LocatedIssue): number =>
  (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);

const inObject = (issue: SpecIssue): LocatedIssue => ({
  ...issue,
  source: "experiment",
  line: null,
  column: null,
});

function applyOverrides(root: Record<string, unknown>, set: readonly string[]): Override[] {
  const applied = set.map((text) => {
    const parsed = parseOverride(text);
    return isOverride(parsed) ? applyOverride(root, parsed) : parsed;
  });
  const problems = applied.filter((each): each is LocatedIssue => !isOverride(each));
  if (problems.length > 0) throw new InvalidExperimentError(problems);
  return applied.filter(isOverride);
}
