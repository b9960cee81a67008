import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import * as messages from "../../workflows/contracts/messages";
import { type Definitions, isClosed, isObjectModel, type JsonSchema, mapValues } from "./contract-schema";

const header = `"""The contract's models, generated from workflows/contracts by \`npm run generate\`. Do not edit."""`;

/** Rules that JSON Schema cannot say, as base classes in belay_gpu/contracts/base.py. */
const refinedBases: Record<string, string> = {
  DistributionUniform: "OrderedBounds",
  DistributionInt: "OrderedBounds",
  DistributionLoguniform: "PositiveBounds",
  DistributionLogint: "PositiveBounds",
};

/** What only the client and the workflows exchange has no Python twin. */
const isForPython = (name: string): boolean =>
  !Object.keys(messages).some((message) => name.startsWith(message));

/** Pydantic models of the contract, through datamodel-code-generator; formatted as the package's own code. */
export async function pythonModels(defs: Definitions, python: string, packageDir: string): Promise<string> {
  const wanted = Object.fromEntries(Object.entries(defs).filter(([name]) => isForPython(name)));
  const folder = await mkdtemp(join(tmpdir(), "belay-generate-"));
  try {
    const input = join(folder, "contracts.json");
    const bases = join(folder, "bases.json");
    const output = join(folder, "models.py");
    await writeFile(input, JSON.stringify({ $defs: mapValues(wanted, forPython) }));
    await writeFile(bases, JSON.stringify(baseClasses(wanted)));
    await execa(python, [
      ...["-m", "datamodel_code_generator", "--input", input, "--output", output, "--base-class-map", bases],
      ...["--input-file-type", "jsonschema", "--output-model-type", "pydantic_v2.BaseModel"],
      ...["--target-python-version", "3.11", "--custom-file-header", header, "--formatters", "ruff-check"],
      ...["--snake-case-field", "--no-alias", "--use-annotated", "--strict-nullable"],
      ...["--enum-field-as-literal", "all", "--use-type-alias", "--use-tuple-for-fixed-items"],
      ...["--use-field-description", "--use-schema-description", "--skip-root-model"],
    ]);
    return await format(withFactories(await readFile(output, "utf8")), python, packageDir);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What stands for the contract on the Python side only, and changes nothing of what it accepts. */
function forPython(schema: JsonSchema): JsonSchema {
  const copy = { ...schema };
  if (copy.properties)
    // "GiB" would become gi_b; base.py turns gib back into GiB.
    copy.properties = Object.fromEntries(
      Object.entries(copy.properties).map(([key, child]) => [key.replace("GiB", "Gib"), forPython(child)]),
    );
  if (copy.required) copy.required = copy.required.map((key) => key.replace("GiB", "Gib"));
  if (copy.items) copy.items = forPython(copy.items);
  if (copy.additionalProperties) copy.additionalProperties = forPython(copy.additionalProperties);
  if (copy.anyOf) copy.anyOf = copy.anyOf.flatMap(keepIntegers).map(forPython);
  return copy;
}

/** A number in a union may be a count: kept apart, 8 stays an int in Python. */
function keepIntegers(branch: JsonSchema): JsonSchema[] {
  const isPlainNumber = branch.type === "number" && Object.keys(branch).length === 1;
  return isPlainNumber ? [{ type: "integer" }, branch] : [branch];
}

function baseClasses(defs: Definitions): Record<string, string> {
  const models = Object.entries(defs).filter(([, schema]) => isObjectModel(schema));
  return Object.fromEntries(
    models.map(([name, schema]) => {
      const base = refinedBases[name] ?? (isClosed(schema) ? "Spec" : "Wire");
      return [name, `belay_gpu.contracts.base.${base}`];
    }),
  );
}

/** A model's default of {} becomes a factory, so that type checkers see the model. */
const withFactories = (code: string): string =>
  code.replace(
    /Annotated\[\s*(\w+),\s*Field\(validate_default=True\)\s*\] = \{\}/g,
    (_match, model: string) => {
      return `${model} = Field(default_factory=${model})`;
    },
  );

export async function format(code: string, python: string, packageDir: string): Promise<string> {
  const ruff = (...args: string[]) => [
    "-m",
    "ruff",
    ...args,
    "--stdin-filename",
    "belay_gpu/contracts/models.py",
    "-",
  ];
  const sorted = await execa(python, ruff("check", "--select", "I,F401,RUF022", "--fix", "--quiet"), {
    input: code,
    cwd: packageDir,
  });
  const formatted = await execa(python, ruff("format", "--quiet"), { input: sorted.stdout, cwd: packageDir });
  return `${formatted.stdout}\n`;
}
