import { parseDocument } from "yaml";
import type { LocatedIssue, SpecPath } from "./issue";

/** A `--set key=value`, its key taken apart and its value read as YAML. */
export interface Override {
  /** As it was typed, to name it in messages. */
  text: string;
  path: SpecPath;
  value: unknown;
}

const at = (text: string, message: string): LocatedIssue => ({
  source: `--set ${text}`,
  line: null,
  column: null,
  path: [],
  message,
});

export function parseOverride(text: string): Override | LocatedIssue {
  const equals = text.indexOf("=");
  if (equals <= 0) return at(text, "expected key=value, such as search.num_trials=4");
  const path = text.slice(0, equals).split(".");
  if (path.some((segment) => segment === "")) return at(text, "the key has an empty part");
  const doc = parseDocument(text.slice(equals + 1), { prettyErrors: false });
  const [error] = doc.errors;
  if (error) return at(text, `its value is not YAML: ${error.message.split("\n", 1)[0]}`);
  try {
    return { text, path, value: doc.toJS({ maxAliasCount: 0 }) ?? null };
  } catch {
    return at(text, "its value must not use YAML aliases");
  }
}

export const isOverride = (parsed: Override | LocatedIssue): parsed is Override => "value" in parsed;

/** Puts the value at its path, making the mappings on the way. Changes `root`; answers with what stood in the way. */
export function applyOverride(root: Record<string, unknown>, override: Override): LocatedIssue | null {
  let holder: Record<string, unknown> | unknown[] = root;
  for (const [depth, segment] of override.path.slice(0, -1).entries()) {
    const key = String(segment);
    const next: unknown = read(holder, key);
    if (isHolder(next)) holder = next;
    else if (next === undefined || next === null) holder = write(holder, key, {}) as Record<string, unknown>;
    else
      return at(
        override.text,
        `${override.path.slice(0, depth + 1).join(".")} is a single value and has no parts`,
      );
  }
  const last = String(override.path.at(-1));
  if (Array.isArray(holder) && !(Number(last) < holder.length))
    return at(
      override.text,
      `${override.path.slice(0, -1).join(".")} is a list of ${holder.length}; ${last} is not a position in it`,
    );
  write(holder, last, override.value);
  return null;
}

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

const isHolder = (value: unknown): value is Record<string, unknown> | unknown[] =>
  typeof value === "object" && value !== null;

function read(holder: Record<string, unknown> | unknown[], key: string): unknown {
  return Object.hasOwn(holder, key) ? (holder as Record<string, unknown>)[key] : undefined;
}

/** Defines rather than assigns: `__proto__` is a key like any other here. */
function write(holder: object, key: string, value: unknown): unknown {
  Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true });
  return value;
}
