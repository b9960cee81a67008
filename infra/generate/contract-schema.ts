import { z } from "zod";
import * as contracts from "../../workflows/contracts";

export interface JsonSchema {
  $schema?: string;
  $id?: string;
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  description?: string;
  default?: unknown;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: JsonSchema | false;
  propertyNames?: JsonSchema;
  items?: JsonSchema | false;
  prefixItems?: JsonSchema[];
  anyOf?: JsonSchema[];
}

export type Definitions = Record<string, JsonSchema>;

const dialect = "https://json-schema.org/draft/2020-12/schema";

/**
 * One JSON Schema document with a definition per zod schema exported by the contracts, named as exported, and one
 * per object inside them, named after its place. The input side is taken: what a sender may leave out because a
 * default fills it in is not required.
 */
export function contractSchema(): JsonSchema & { $defs: Definitions } {
  const registry = z.registry<{ id: string }>();
  for (const [name, exported] of Object.entries(contracts))
    if (exported instanceof z.ZodType) registry.add(exported, { id: name });
  const { schemas } = z.toJSONSchema(registry, { io: "input", uri: refTo });
  const $defs: Definitions = {};
  for (const [name, schema] of Object.entries(schemas))
    define($defs, name, hoist(schema as JsonSchema, name, $defs));
  return { $schema: dialect, $defs: sortedByKey($defs) };
}

export const refTo = (name: string): string => `#/$defs/${name}`;
export const nameOfRef = (ref: string): string => ref.slice(refTo("").length);
export const isObjectModel = (schema: JsonSchema): boolean =>
  schema.type === "object" && schema.properties !== undefined;
/** Objects of the experiment file: unknown keys are refused, and keys stay as the user writes them. */
export const isClosed = (schema: JsonSchema): boolean =>
  isObjectModel(schema) && schema.additionalProperties === false;

/** Moves every object within `schema` to a definition of its own, named after where it stands. */
function hoist(schema: JsonSchema, name: string, defs: Definitions): JsonSchema {
  const { $schema: _dialect, $id: _id, ...copy } = schema;
  dropSafeIntegerBounds(copy);
  if (copy.properties)
    copy.properties = mapValues(copy.properties, (child, key) => toRef(child, name + pascalCase(key), defs));
  if (copy.items) copy.items = toRef(copy.items, name.replace(/s$/, ""), defs);
  if (copy.prefixItems)
    copy.prefixItems = copy.prefixItems.map((child, i) => toRef(child, `${name}${i}`, defs));
  if (copy.additionalProperties) copy.additionalProperties = toRef(copy.additionalProperties, name, defs);
  if (copy.anyOf) copy.anyOf = copy.anyOf.map((branch) => toRef(branch, name + branchSuffix(branch), defs));
  return copy;
}

function toRef(schema: JsonSchema, name: string, defs: Definitions): JsonSchema {
  const hoisted = hoist(schema, name, defs);
  if (!isObjectModel(hoisted)) return hoisted;
  const { default: fallback, ...definition } = hoisted;
  define(defs, name, definition);
  return fallback === undefined ? { $ref: refTo(name) } : { default: fallback, $ref: refTo(name) };
}

function define(defs: Definitions, name: string, definition: JsonSchema): void {
  if (defs[name])
    throw new Error(`two contract objects would be called ${name}: give one of them a name of its own`);
  defs[name] = definition;
}

/** A branch of a union is named after its only key ({uniform: …} gives DistributionUniform). */
function branchSuffix(branch: JsonSchema): string {
  const keys = Object.keys(branch.properties ?? {});
  return keys.length === 1 ? pascalCase(keys[0] as string) : "";
}

/** zod says of every integer that JavaScript can hold it; that is no rule of the contract. */
function dropSafeIntegerBounds(schema: JsonSchema): void {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
}

export const pascalCase = (key: string): string =>
  key.replace(/(?:^|_)([a-zA-Z0-9])/g, (_match, first: string) => first.toUpperCase());

export function mapValues<A, B>(
  record: Record<string, A>,
  change: (value: A, key: string) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}

export function sortedByKey<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
