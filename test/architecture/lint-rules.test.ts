import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = join(__dirname, "../..");
const biome = join(root, "node_modules", ".bin", "biome");

let copy: string;
beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), "belay-lint-"));
  for (const file of ["biome.json", ".gitignore"]) await copyFile(join(root, file), join(copy, file));
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));
});
afterAll(() => rm(copy, { recursive: true, force: true }));

/** Lints one file as if it stood in this place of the repository. */
async function brokenRules(place: string, code: string): Promise<string[]> {
  await mkdir(join(copy, place), { recursive: true });
  await writeFile(join(copy, place, "sample.ts"), code);
  const { stdout } = await execa(biome, ["lint", "--reporter=json", place], { cwd: copy, reject: false });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { category: string; severity: string }[] };
  return diagnostics.filter(({ severity }) => severity === "error").map(({ category }) => category);
}

describe("biome refuses", () => {
  test.each([
    [
      "a promise that nobody waits for",
      "workflows",
      "lint/nursery/noFloatingPromises",
      "export async function f() {}\nexport function g() {\n  f();\n}\n",
    ],
    [
      "a promise as a condition",
      "workflows",
      "lint/nursery/noMisusedPromises",
      "async function f() {\n  return true;\n}\nexport function g() {\n  if (f()) return 1;\n  return 2;\n}\n",
    ],
    [
      "a Node built-in in a workflow",
      "workflows",
      "lint/correctness/noNodejsModules",
      `import { readFileSync } from "node:fs";\nexport const f = readFileSync;\n`,
    ],
    [
      "process in a workflow",
      "workflows",
      "lint/style/noRestrictedGlobals",
      "export const pid = process.pid;\n",
    ],
    [
      "the environment in an activity",
      "activities",
      "lint/style/noProcessEnv",
      "export const url = process.env.DATABASE_URL;\n",
    ],
    ["any", "client", "lint/suspicious/noExplicitAny", "export const f = (x: any) => x;\n"],
  ])("%s", async (_what, place, rule, code) => {
    expect(await brokenRules(place, code)).toContain(rule);
  });

  test("nothing in a workflow that keeps to the rules", async () => {
    const code = `import { sleep } from "@temporalio/workflow";\n\nexport async function f() {\n  await sleep(1);\n}\n`;
    expect(await brokenRules("workflows", code)).toEqual([]);
  });
});
