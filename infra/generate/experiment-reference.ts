import { aliases, localAliases, shorthandKeys } from "../../workflows/contracts/experiment/aliases";
import { searchableKeys } from "../../workflows/contracts/experiment/search";
import { type Definitions, isObjectModel, type JsonSchema, nameOfRef } from "./contract-schema";

const introduction = `# experiment.yaml

<!-- Generated from workflows/contracts by \`npm run generate\`. Do not edit. -->

Every key, its type, its default and the other names it is accepted under. Only \`name\`, \`model\` and \`dataset\` are
needed. An unknown key is refused with the nearest valid one; \`npx belay validate FILE\` reports every complaint at
once, each with its line. Paths are relative to the file. Examples are in [experiments/](../experiments).
`;

const spaceNote = `A range is one of \`{uniform: [low, high]}\`, \`{loguniform: [low, high]}\`, \`{int: [low, high]}\`,
\`{logint: [low, high]}\` and \`{choice: [...]}\`. A bare list means \`choice\`; W&B's \`{values: [...]}\` and
\`{min, max, distribution}\` are accepted as well. These keys may be searched:`;

/** docs/experiment-yaml.md: the reference of the experiment file. */
export function experimentReference(defs: Definitions): string {
  const experiment = definition(defs, "ExperimentSpec");
  const sections = Object.entries(experiment.properties ?? {});
  const own = sections.filter(([, schema]) => !isSection(schema, defs));
  const parts = [introduction, `## Name, description and task\n\n${table(own, experiment, [], defs)}`];
  for (const [name, schema] of sections)
    if (isSection(schema, defs)) parts.push(section(name, resolve(schema, defs), defs));
  return `${parts.join("\n")}`;
}

function section(name: string, schema: JsonSchema, defs: Definitions): string {
  const rows = leaves(schema, [], defs);
  const shorthand = shorthandKeys[name];
  const notes = [
    `## ${name}\n`,
    ...(shorthand ? [`A single text in place of this section means its \`${shorthand}\`.\n`] : []),
    table(rows, schema, [name], defs),
    ...(name === "search" ? [`${spaceNote} ${searchableKeys.map(code).join(", ")}.\n`] : []),
  ];
  return notes.join("\n");
}

/** Keys of a section in order, those of its inner objects as \`inner.key\`. */
function leaves(schema: JsonSchema, path: string[], defs: Definitions): [string, JsonSchema][] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, child]): [string, JsonSchema][] =>
    isSection(child, defs)
      ? leaves(resolve(child, defs), [...path, key], defs)
      : [[[...path, key].join("."), child]],
  );
}

function table(rows: [string, JsonSchema][], owner: JsonSchema, path: string[], defs: Definitions): string {
  const lines = rows.map(([key, schema]) => {
    const description = schema.description;
    if (!description) throw new Error(`${[...path, key].join(".")} has no description`);
    const fallback = owner.required?.includes(key) ? "required" : code(JSON.stringify(schema.default));
    const also = otherNames(path[0], key).map(code).join(", ");
    return row(code(key), typeText(schema, defs), fallback, description, also);
  });
  return `${row("key", "type", "default", "meaning", "also")}${"|---".repeat(5)}|\n${lines.join("")}`;
}

const row = (...cells: string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
const code = (text: string): string => `\`${text}\``;

function otherNames(section: string | undefined, key: string): string[] {
  if (!section) return [];
  const known = { ...aliases[section], ...localAliases[section] };
  return Object.keys(known).filter((alias) => known[alias] === key);
}

function typeText(schema: JsonSchema, defs: Definitions): string {
  if (schema.$ref)
    return nameOfRef(schema.$ref) === "SearchSpace" ? "ranges by key" : typeText(resolve(schema, defs), defs);
  if (schema.anyOf) return schema.anyOf.map((branch) => typeText(branch, defs)).join(" or ");
  if (Array.isArray(schema.type))
    return schema.type.map((type) => typeText({ ...schema, type }, defs)).join(" or ");
  if (schema.enum) return schema.enum.map((value) => code(String(value))).join(", ");
  if (schema.const !== undefined) return code(String(schema.const));
  if (schema.type === "array") return `list of ${typeText(schema.items || {}, defs)}`;
  if (isObjectModel(schema)) return code(`{${Object.keys(schema.properties ?? {}).join(", ")}}`);
  if (schema.type === "string") return schema.pattern ? `text like ${code(schema.pattern)}` : "text";
  if (schema.type === "null") return "null";
  if (schema.type === "boolean") return "true or false";
  return `${schema.type}${bounds(schema)}`;
}

function bounds({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: JsonSchema): string {
  const lower =
    minimum !== undefined ? ` ≥ ${minimum}` : exclusiveMinimum !== undefined ? ` > ${exclusiveMinimum}` : "";
  const upper =
    maximum !== undefined ? ` ≤ ${maximum}` : exclusiveMaximum !== undefined ? ` < ${exclusiveMaximum}` : "";
  return lower && upper ? `${lower} and${upper}` : lower + upper;
}

function definition(defs: Definitions, name: string): JsonSchema {
  const found = defs[name];
  if (!found) throw new Error(`no definition ${name}`);
  return found;
}

const resolve = (schema: JsonSchema, defs: Definitions): JsonSchema =>
  schema.$ref ? definition(defs, nameOfRef(schema.$ref)) : schema;

const isSection = (schema: JsonSchema, defs: Definitions): boolean =>
  schema.$ref !== undefined && isObjectModel(resolve(schema, defs));
