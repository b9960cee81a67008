import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLParseError,
} from "yaml";
import type { SpecPath } from "./issue";

/** A position in a text, both counted from 1. */
export interface Position {
  line: number;
  column: number;
}

export interface Problem extends Position {
  message: string;
}

/** Where a path stands; `exact` is false when only its nearest existing parent does. */
export interface Place extends Position {
  exact: boolean;
}

/** An experiment's text, read. */
export type SpecDocument =
  | { ok: true; value: unknown; locate: (path: SpecPath) => Place }
  | { ok: false; problems: Problem[] };

/** References to anchors that are still believed to be a person's; a bomb multiplies them. */
const MAX_ALIASES = 100;

export function parseSpecDocument(text: string): SpecDocument {
  const lines = new LineCounter();
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const doc = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    logLevel: "error",
  });
  if (doc.errors.length > 0)
    return {
      ok: false,
      problems: tellingOnes(doc.errors).map((e) => ({ ...at(e.pos[0]), message: wording(e) })),
    };
  if (doc.contents === null) return refuse({ ...at(0), message: "the file is empty" });
  try {
    const value = plain(doc.toJS({ maxAliasCount: MAX_ALIASES }));
    return { ok: true, value, locate: (path) => placeOf(doc, path, at) };
  } catch (error) {
    if (error instanceof ReferenceError || error instanceof RangeError || error instanceof NotPlain)
      return refuse({ ...at(firstAlias(text)), message: explain(error) });
    throw error;
  }
}

const refuse = (problem: Problem): SpecDocument => ({ ok: false, problems: [problem] });

const MAX_SYNTAX_ERRORS = 20;

/** Nesting that exhausts the parser makes an error per level, and nothing after it can be believed. */
function tellingOnes(errors: YAMLParseError[]): YAMLParseError[] {
  const exhausted = errors.filter((e) => e.code === "RESOURCE_EXHAUSTION").slice(-1);
  return exhausted.length > 0 ? exhausted : errors.slice(0, MAX_SYNTAX_ERRORS);
}

function wording({ code, message }: YAMLParseError): string {
  if (code === "RESOURCE_EXHAUSTION") return "nested too deeply";
  if (code === "MULTIPLE_DOCS") return "a second document begins here; a file holds one experiment";
  if (code === "DUPLICATE_KEY") return "this key is there twice";
  return `not valid YAML: ${message.split("\n", 1)[0]}`;
}

function explain(error: Error): string {
  if (error instanceof NotPlain) return error.message;
  if (error instanceof RangeError) return "nested too deeply";
  const unresolved = /^Unresolved alias.*: (.*)$/.exec(error.message);
  if (unresolved) return `no anchor &${unresolved[1]} comes before the alias *${unresolved[1]}`;
  return `its anchors and aliases (&name, *name) unfold into too much; at most ${MAX_ALIASES} references are followed`;
}

/** A rough place is enough: a bomb has its aliases everywhere. */
const firstAlias = (text: string): number => Math.max(text.search(/[&*][A-Za-z0-9_]/), 0);

class NotPlain extends Error {}

/**
 * A copy of JSON's types that shares nothing with itself, so that changing one place changes no other (aliases
 * share objects, and may even contain themselves).
 */
function plain(value: unknown, within: ReadonlySet<object> = new Set()): unknown {
  if (value === null || typeof value !== "object") return value ?? null;
  if (within.has(value)) throw new NotPlain("an alias refers to the value that it stands in");
  const inside = new Set(within).add(value);
  if (Array.isArray(value)) return value.map((each) => plain(each, inside));
  if (Object.getPrototypeOf(value) !== Object.prototype)
    throw new NotPlain(
      `a YAML tag makes a ${value.constructor.name} here; experiments hold plain values only`,
    );
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each, inside)]));
}

/** The place of the key or list item at `path`, or of its nearest existing parent when there is none. */
function placeOf(doc: Document.Parsed, path: SpecPath, at: (offset: number) => Position): Place {
  let node: unknown = doc.contents;
  let found = startOf(node) ?? 0;
  for (const segment of path) {
    const parent = isAlias(node) ? node.resolve(doc) : node;
    let offset: number | undefined;
    if (isMap(parent)) {
      const pair = parent.items.find((each) => keyOf(each) === String(segment));
      offset = startOf(pair?.key);
      node = pair?.value;
    } else if (isSeq(parent)) {
      node = parent.items[Number(segment)];
      offset = startOf(node);
    }
    if (offset === undefined) return { ...at(found), exact: false };
    found = offset;
  }
  return { ...at(found), exact: true };
}

const startOf = (node: unknown): number | undefined => (node as Node | null | undefined)?.range?.[0];

const keyOf = (pair: Pair): string => String(isScalar(pair.key) ? pair.key.value : pair.key);
