import { parseDocument } from "yaml";
import type { LocatedIssue, SpecPath } from "./issue";

/** A `--set key=value`, its key taken apart and its value read as YAML. */
export interface Override {
  /** As it was typed, to name it in messages. */
  text: string;
  path: SpecPath;
  value: unknown;
}

/** What is wrong with an override as a whole. */
export const complaint = (text: string, message: string): LocatedIssue => ({
  source: `--set ${text}`,
  line: null,
  column: null,
  path: [],
  message,
});

export function parseOverride(text: string): Override | LocatedIssue {
  const equals = text.indexOf("=");
  if (equals <= 0) return complaint(text, "expected key=value, such as search.num_trials=4");
  const path = text.slice(0, equals).split(".");
  if (path.some((segment) => segment === "")) return complaint(text, "the key has an empty part");
  const doc = parseDocument(text.slice(equals + 1), { prettyErrors: false });
  const [error] = doc.errors;
  if (error) return complaint(text, `its value is not YAML: ${error.message.split("\n", 1)[0]}`);
  try {
    return { text, path, value: doc.toJS({ maxAliasCount: 0 }) ?? null };
  } catch {
    return complaint(text, "its value must not use YAML aliases");
  }
}

export const isOverride = (parsed: Override | LocatedIssue): parsed is Override => "value" in parsed;

/** The override that the value at a path came from; for a path that the file lacks, also one that made it. */
export function overrideOf(
  path: SpecPath,
  overrides: readonly Override[],
  inFile: boolean,
): Override | undefined {
  const begins = (long: SpecPath, short: SpecPath) =>
    short.every((segment, i) => String(long[i]) === String(segment));
  return overrides.findLast(
    (each) => begins(path, each.path) || (!inFile && path.length > 0 && begins(each.path, path)),
  );
}
