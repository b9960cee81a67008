import { shorthandKeys } from "../../workflows/contracts/experiment/aliases";
import { canonicalKey, homeOf, spaceKey } from "../../workflows/contracts/experiment/canonical-keys";
import { isMapping } from "../../workflows/contracts/experiment/mapping";
import { sections } from "../../workflows/contracts/experiment/sections";
import type { LocatedIssue, SpecPath } from "./issue";
import { complaint, type Override } from "./overrides";

type Mapping = Record<string, unknown>;

/** A key by our own name, whatever it is called and wherever it stands in a file; `rest` leads on below it. */
interface Target {
  section: string;
  key: string;
  rest: SpecPath;
}

/**
 * Puts the value in the place of whatever the experiment says for the same key, under any of its names. Changes `root`;
 * answers with the override and the path where its value stands now, or with what stood in the way.
 */
export function applyOverride(root: Mapping, override: Override): Override | LocatedIssue {
  let path = longForm(root, override);
  expandShorthand(root, path);
  const target = targetOf(root, path, override.value);
  if (target) path = makeRoom(root, path, target);
  else if (isMapping(override.value)) {
    const section = String(path[0]);
    for (const key of Object.keys(override.value))
      removeOthers(root, [section], placesOf(root, section, canonicalKey(section, key)));
  }
  const problem = put(root, path, override.value);
  return problem ? complaint(override.text, problem) : { ...override, path };
}

/** `model=/path` beside a section with further keys is about one of them. */
function longForm(root: Mapping, { path, value }: Override): SpecPath {
  const section = String(path[0]);
  const key = shorthandOf(section);
  const isShort = path.length === 1 && key !== undefined && isShorthandValue(value);
  return isShort && isMapping(root[section]) ? [section, key] : path;
}

/** A section written as a single value becomes a mapping where the override names a key of it. */
function expandShorthand(root: Mapping, path: SpecPath): void {
  const section = String(path[0]);
  const key = shorthandOf(section);
  if (key === undefined || path.length < 2 || isPosition(root, path)) return;
  if (isShorthandValue(root[section])) root[section] = { [key]: root[section] };
}

function targetOf(root: Mapping, path: SpecPath, value: unknown): Target | undefined {
  const first = String(path[0]);
  if (!Object.hasOwn(sections, first)) {
    const home = homeOf(first);
    return home && { ...home, rest: path.slice(1) };
  }
  if (path.length > 1)
    return isPosition(root, path)
      ? undefined
      : { section: first, key: canonicalKey(first, String(path[1])), rest: path.slice(2) };
  const key = shorthandOf(first);
  return key !== undefined && isShorthandValue(value) ? { section: first, key, rest: [] } : undefined;
}

/** Removes what says the same elsewhere, and answers with the path at which the value is to stand. */
function makeRoom(root: Mapping, path: SpecPath, { section, key, rest }: Target): SpecPath {
  const places = placesOf(root, section, key);
  if (rest.length === 0) {
    removeOthers(root, path, places);
    return path;
  }
  const [place] = places;
  if (!place) return path;
  const holder = valueAt(root, place);
  if (section !== "search" || key !== "space" || !isMapping(holder)) return [...place, ...rest];
  const [name, ...below] = rest;
  const meant = spaceKey(String(name)).key;
  const known = Object.keys(holder).filter((written) => spaceKey(written).key === meant);
  const others = known.map((written) => [...place, written]);
  if (below.length > 0) return [...place, known[0] ?? String(name), ...below];
  removeOthers(root, [...place, String(name)], others);
  return [...place, String(name)];
}

/** Where an experiment says something for the key: in its section or flat, under any name. */
function placesOf(root: Mapping, section: string, key: string): SpecPath[] {
  const flat = Object.keys(root).filter((written) => {
    const home = Object.hasOwn(sections, written) ? undefined : homeOf(written);
    return home?.section === section && home.key === key;
  });
  const holder = Object.hasOwn(root, section) ? root[section] : undefined;
  const places: SpecPath[] = flat.map((written) => [written]);
  if (isMapping(holder))
    for (const written of Object.keys(holder))
      if (canonicalKey(section, written) === key) places.push([section, written]);
  if (isShorthandValue(holder) && shorthandOf(section) === key) places.push([section]);
  return places;
}

/** A key keeps its place in the order of its fellows where the value is written over it. */
function removeOthers(root: Mapping, kept: SpecPath, places: readonly SpecPath[]): void {
  for (const place of places) {
    if (place.join("\0") === kept.join("\0")) continue;
    const holder = valueAt(root, place.slice(0, -1));
    if (isMapping(holder)) delete holder[String(place.at(-1))];
  }
}

/** Writes the value at its path, making the mappings on the way; answers with what stood in the way. */
function put(root: Mapping, path: SpecPath, value: unknown): string | null {
  let holder: Mapping | unknown[] = root;
  for (const [depth, segment] of path.slice(0, -1).entries()) {
    const key = String(segment);
    const next: unknown = read(holder, key);
    if (isHolder(next)) holder = next;
    else if (next === undefined || next === null) holder = write(holder, key, {}) as Mapping;
    else return `${path.slice(0, depth + 1).join(".")} is a single value and has no parts`;
  }
  const last = String(path.at(-1));
  if (Array.isArray(holder) && !(Number(last) < holder.length))
    return `${path.slice(0, -1).join(".")} is a list of ${holder.length}; ${last} is not a position in it`;
  write(holder, last, value);
  return null;
}

const shorthandOf = (section: string): string | undefined =>
  Object.hasOwn(shorthandKeys, section) ? shorthandKeys[section] : undefined;

const isShorthandValue = (value: unknown): boolean => typeof value === "string" || Array.isArray(value);

/** `dataset.0.weight`: a position in a list that stands for the whole section. */
const isPosition = (root: Mapping, path: SpecPath): boolean =>
  Array.isArray(root[String(path[0])]) && /^\d+$/.test(String(path[1]));

const valueAt = (root: unknown, path: SpecPath): unknown =>
  path.reduce<unknown>((holder, key) => (isHolder(holder) ? read(holder, String(key)) : undefined), root);

const isHolder = (value: unknown): value is Mapping | unknown[] =>
  typeof value === "object" && value !== null;

function read(holder: Mapping | unknown[], key: string): unknown {
  return Object.hasOwn(holder, key) ? (holder as Mapping)[key] : undefined;
}

/** Defines rather than assigns: `__proto__` is a key like any other here. */
function write(holder: object, key: string, value: unknown): unknown {
  Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true });
  return value;
}
