import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

type Files = Record<string, string>;
/** What the test reads of dependency-cruiser's result. */
type Cruise = { summary: { violations: { rule: { name: string } }[] } };

const root = join(__dirname, "../..");
const config = require(join(root, ".dependency-cruiser.cjs"));
const rules: { name: string }[] = config.forbidden;

const packages: Files = {
  "package.json": `{"dependencies": {"@temporalio/workflow": "1", "@temporalio/worker": "1", "pg": "1", "zod": "1"}, "devDependencies": {"vitest": "1"}}`,
  ...Object.fromEntries(
    ["@temporalio/workflow", "@temporalio/worker", "pg", "zod", "vitest"].flatMap((name) => [
      [`node_modules/${name}/package.json`, `{"name": "${name}", "main": "index.js"}`],
      [`node_modules/${name}/index.js`, "module.exports = {};"],
    ]),
  ),
  "workflows/contracts/a.ts": `import { z } from "zod"; export const a = z; export type A = 1;`,
  "workflows/lora/rules.ts": `import { a } from "../contracts/a"; export const rules = a; export type Rules = 1;`,
  "workflows/lora/trial.workflow.ts": `import { sleep } from "@temporalio/workflow"; export const trialWorkflow = sleep; export type Trial = 1;`,
  "workflows/index.ts": `export const index = 1;`,
  "activities/store.ts": `export const store = 1; export type Store = 1;`,
  "skills/catalog.ts": `export const catalog = 1; export type Catalog = 1;`,
  "workers/main.ts": `export const main = 1;`,
  "client/index.ts": `export const client = 1;`,
  "client/cli/main.ts": `export const cli = 1;`,
  "infra/dev/stack.ts": `export const stack = 1;`,
  "test/helper.ts": `export const helper = 1;`,
};

/** One file per rule that breaks it, and that breaks no other. */
const violations: Record<string, [path: string, code: string]> = {
  "contracts-import-nobody": ["workflows/contracts/b.ts", `import "../lora/rules";`],
  "contracts-need-zod-only": ["workflows/contracts/b.ts", `import "pg";`],
  "pure-modules-import-no-workflow": ["workflows/lora/b.ts", `import "./trial.workflow";`],
  "workflows-reach-activities-by-type": ["workflows/lora/b.workflow.ts", `import "../../activities/store";`],
  "workflows-import-no-effects": [
    "workflows/lora/b.workflow.ts",
    `import type { Catalog } from "../../skills/catalog"; export type B = Catalog;`,
  ],
  "workflows-are-sandbox-safe": ["workflows/lora/b.ts", `import "node:fs";`],
  "workflows-use-the-workflow-package-only": ["workflows/lora/b.ts", `import "@temporalio/worker";`],
  "effects-import-pure-rules-only": ["activities/b.ts", `import "../workflows";`],
  "rules-used-outside-are-pure": ["activities/b.ts", `import "@temporalio/workflow";`],
  "activities-know-no-entry-point": ["activities/b.ts", `import "../workers/main";`],
  "client-imports-contracts-and-workflow-types": ["client/b.ts", `import "../workflows/lora/rules";`],
  "client-has-no-effects": ["client/b.ts", `import "../activities/store";`],
  "only-the-cli-manages-a-machine": ["client/b.ts", `import "../infra/dev/stack";`],
  "workers-know-no-client": ["workers/b.ts", `import "../client";`],
  "nobody-imports-tests": ["infra/dev/b.ts", `import "../../test/helper";`],
  "the-product-needs-no-dev-package": ["activities/b.ts", `import "vitest";`],
  "no-cycles": ["activities/b.ts", `import { c } from "./c"; export const b = c;`],
  "imports-resolve": ["activities/b.ts", `import "./nowhere";`],
};
const companions: Record<string, Files> = {
  "no-cycles": { "activities/c.ts": `import { b } from "./b"; export const c = b;` },
};

const allowed: Record<string, [path: string, code: string]> = {
  "a workflow naming an activity's type": [
    "workflows/lora/b.workflow.ts",
    `import type { Store } from "../../activities/store"; export type B = Store;`,
  ],
  "an activity using contracts and a pure rule": [
    "activities/b.ts",
    `import "../workflows/contracts/a"; import "../workflows/lora/rules"; import "pg"; import "node:fs";`,
  ],
  "the client naming a workflow's type": [
    "client/b.ts",
    `import type { Trial } from "../workflows/lora/trial.workflow"; import "../workflows/contracts/a"; export type B = Trial;`,
  ],
  "the command line starting a stack": ["client/cli/b.ts", `import "../../infra/dev/stack"; import "..";`],
  "a worker building everything": [
    "workers/b.ts",
    `import "../activities/store"; import "../skills/catalog"; import "../workflows/lora/rules"; import "../infra/dev/stack";`,
  ],
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "belay-architecture-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function brokenRules(name: string, files: Files): Promise<string[]> {
  const baseDir = join(folder, name.replaceAll(" ", "-"));
  for (const [path, content] of Object.entries({ ...packages, ...files })) {
    await mkdir(dirname(join(baseDir, path)), { recursive: true });
    await writeFile(join(baseDir, path), content);
  }
  const { cruise } = await import("dependency-cruiser");
  const places = ["workflows", "activities", "skills", "workers", "client", "infra", "test"];
  const options = { ...config.options, ruleSet: { forbidden: rules }, validate: true, baseDir };
  const { output } = await cruise(places, options);
  return [...new Set((output as Cruise).summary.violations.map(({ rule }) => rule.name))];
}

describe("each rule fires on a file that breaks it, and alone", () => {
  test.each(Object.entries(violations))("%s", async (name, [path, code]) => {
    expect(await brokenRules(name, { [path]: code, ...companions[name] })).toEqual([name]);
  });

  test("every rule has its sample", () => {
    expect(Object.keys(violations).sort()).toEqual(rules.map(({ name }) => name).sort());
  });
});

describe("what the design allows passes", () => {
  test.each(Object.entries(allowed))("%s", async (name, [path, code]) => {
    expect(await brokenRules(name, { [path]: code })).toEqual([]);
  });
});
