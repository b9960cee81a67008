import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { expect, it } from "vitest";
import { repositoryRoot } from "../../../infra/setup/home.mjs";
import { userProject } from "../../support/user-project";

const root = repositoryRoot();
const modules = join(root, "node_modules");

/** What the TypeScript compiler has to say of files of a user's project; one line per error. */
async function errorsOf(project: string, files: Record<string, string>): Promise<string[]> {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
  const strictly = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2023", "--module", "nodenext"];
  const types = ["--types", "node", "--typeRoots", join(modules, "@types")];
  const tsc = [join(modules, "typescript", "lib", "tsc.js"), ...strictly, ...types, ...Object.keys(files)];
  const { stdout } = await execa(process.execPath, tsc, { cwd: project, reject: false });
  return stdout.split("\n").filter(Boolean);
}

it("README's TypeScript samples compile where the package is installed", async () => {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const samples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code as string);
  expect(samples.length).toBeGreaterThan(1);
  const files = Object.fromEntries(samples.map((code, index) => [`sample-${index}.ts`, code]));
  // A sample that is wrong shows that the types were there to be checked against.
  const wrong = samples[0]?.replace("run.status()", "run.state()") as string;
  const errors = await errorsOf(userProject(), { ...files, "wrong.ts": wrong });
  expect(errors).toEqual([expect.stringMatching(/^wrong\.ts\(\d+,\d+\): error TS\d+: .*'state'/)]);
});
