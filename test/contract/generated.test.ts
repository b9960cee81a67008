import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { contractSchema } from "../../infra/generate/contract-schema";
import { generatedFiles } from "../../infra/generate/outputs";
import { workerPython } from "../../infra/generate/worker-python";
import { repositoryRoot } from "../../infra/setup/home.mjs";

const root = repositoryRoot(__dirname);
const paths = [
  "workflows/contracts/generated/contracts.schema.json",
  "gpu-worker/belay_gpu/contracts/models.py",
  "gpu-worker/belay_gpu/contracts/names.py",
  "gpu-worker/belay_gpu/contracts/__init__.py",
  "docs/experiment-yaml.md",
];

describe("generated files", () => {
  let files: Map<string, string>;
  beforeAll(async () => {
    files = await generatedFiles(root, await workerPython(root));
  }, 120_000);

  test("are these, and no others", () => {
    expect([...files.keys()].sort()).toEqual([...paths].sort());
  });

  test.each(paths)("%s is what `npm run generate` would write", async (path) => {
    expect(await readFile(join(root, path), "utf8")).toBe(files.get(path));
  });
});

test("keys of envelopes are camelCase and keys of the experiment file snake_case, so that Python can rename them", () => {
  for (const [name, definition] of Object.entries(contractSchema().$defs)) {
    const isClosed = definition.additionalProperties === false;
    for (const key of Object.keys(definition.properties ?? {}))
      expect(key, `${name}.${key}`).toMatch(isClosed ? /^[a-z][a-z0-9_]*$/ : /^[a-z][a-zA-Z0-9]*$/);
  }
});
