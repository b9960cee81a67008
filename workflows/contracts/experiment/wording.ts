import { aliases, localAliases } from "./aliases";
import type { ZodIssue } from "./faults";
import type { SpecIssue, SpecPath } from "./issue";
import { nearest } from "./nearest";
import { searchableKeys } from "./search";
import { sectionKeys, sections } from "./sections";

/** A fault of zod's in our words: what is there, and what would be right. Each unknown key is an issue of its own. */
export function explain(issue: ZodIssue): SpecIssue[] {
  const path = issue.path as SpecPath;
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(path, key) }));
    case "invalid_key":
      return [{ path, message: unknownKey(path.slice(0, -1), String(path.at(-1))) }];
    case "invalid_union":
      return [{ path, message: `${expectedAt(path)}; got ${show(issue.input)}` }];
    case "invalid_type":
      if (issue.input === undefined) return [{ path, message: "is missing" }];
      return [{ path, message: `expected ${article(issue.expected)}, got ${show(issue.input)}` }];
    case "invalid_value":
      return [{ path, message: oneOf(issue.values.map(String), issue.input) }];
    default:
      return [{ path, message: readable(issue) }];
  }
}

function unknownKey(path: SpecPath, key: string): string {
  const section = path.length === 1 ? String(path[0]) : "";
  if (path[0] === "search" && path[1] === "space") {
    const meant = nearest(key, searchableKeys);
    return `cannot be searched over; ${meant ? `did you mean ${meant}?` : `the keys are ${searchableKeys.join(", ")}`}`;
  }
  const siblings =
    path.length === 0 ? ["name", "description", "task", ...Object.keys(sections)] : sectionKeys(section);
  const alternatives = [...siblings, ...Object.keys({ ...aliases[section], ...localAliases[section] })];
  const elsewhere = Object.keys(sections).find((name) => name !== section && sectionKeys(name).includes(key));
  if (elsewhere) return `unknown key; it belongs under ${elsewhere}`;
  const meant = nearest(key, alternatives);
  if (meant) return `unknown key; did you mean ${meant}?`;
  if (path.length === 0) {
    const flat = Object.keys(sections).flatMap((name) => sectionKeys(name).map((each) => ({ name, each })));
    const near = nearest(
      key,
      flat.map(({ each }) => each),
    );
    const home = flat.find(({ each }) => each === near);
    if (home) return `unknown key; did you mean ${home.name}.${home.each}?`;
  }
  return siblings.length > 0 ? `unknown key; the keys here are ${siblings.join(", ")}` : "unknown key";
}

/** Unions whose branches differ in kind, by path. */
const expectations: [RegExp, string][] = [
  [/^search\.space$/, "expected auto, or ranges by key"],
  [/^search\.space\.[^.]+\.choice\.\d+$/, "expected a number, a text, true, false, null or a list of texts"],
  [
    /^search\.space\.[^.]+$/,
    "expected a list of values, or one of {uniform: [low, high]}, {loguniform: [low, high]}, {int: [low, high]}, {logint: [low, high]}, {choice: [values]}",
  ],
  [/^dataset\.path$/, "expected a file's path, or a list of {path, weight}"],
  [/^dataset\.type$/, "expected auto, alpaca, sharegpt, messages, prompt_completion, text or labelled_text"],
  [/^lora\.lora_alpha$/, "expected a number, or a multiple of the rank such as 2r"],
  [/^lora\.target_modules$/, "expected all-linear, or a list of module names"],
  [/^pack\.enabled$/, "expected auto, true or false"],
];

const expectedAt = (path: SpecPath): string =>
  expectations.find(([pattern]) => pattern.test(path.join(".")))?.[1] ?? "expected another value";

function oneOf(values: string[], input: unknown): string {
  const meant = typeof input === "string" ? nearest(input, values) : undefined;
  const hint = meant ? `; did you mean ${meant}?` : "";
  return `expected ${values.length > 1 ? "one of " : ""}${values.join(", ")}; got ${show(input)}${hint}`;
}

const article = (type: string): string =>
  ({
    int: "a whole number",
    number: "a number",
    string: "a text",
    boolean: "true or false",
    array: "a list",
    tuple: "a pair [low, high]",
    object: "a mapping",
    record: "a mapping",
  })[type] ?? type;

function readable(issue: ZodIssue): string {
  if (issue.code === "too_small" && issue.origin === "string" && issue.input === "")
    return "must not be empty";
  const got = "input" in issue && issue.input !== undefined ? `; got ${show(issue.input)}` : "";
  if (issue.code === "too_small" && issue.message.startsWith("Too small"))
    return `must be ${issue.inclusive ? "at least" : "above"} ${bound(issue.minimum, issue.origin)}${got}`;
  if (issue.code === "too_big" && issue.message.startsWith("Too big"))
    return `must be ${issue.inclusive ? "at most" : "below"} ${bound(issue.maximum, issue.origin)}${got}`;
  return `${issue.message}${got}`;
}

const bound = (limit: number | bigint, origin: string): string =>
  origin === "array"
    ? `${limit} items long`
    : origin === "string"
      ? `${limit} characters long`
      : String(limit);

const LONGEST = 60;

/** JSON has no word for NaN and the infinities, and would show them as null. */
const named = (_key: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value;

function show(value: unknown): string {
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value, named) ?? String(value));
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
