import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { artifactFolder, ensureArtifact, isBuilt } from "../../../../infra/setup/artifact";
import { repositoryRoot } from "../../../../infra/setup/home.mjs";
import { startTimeOf } from "../../../../infra/setup/process-identity.mjs";
import { killAll, processesThat } from "../../../../infra/setup/process-search.mjs";
import { silent } from "../../../../infra/setup/report";
import { runModule } from "../../../support/child";
import { scratchFolder } from "../../../support/scratch";
import { until } from "../../../support/until";

const inputs = ["version 1", "linux"];

function recipe(build: (folder: string) => Promise<void> | void) {
  return { kind: "tool", inputs, build: async (folder: string) => build(folder) };
}

/** Writes half of what it should, and says so; then it never ends. */
const STUCK_BUILDER = `
import { createRequire } from "node:module";
import { writeFileSync } from "node:fs";
const { ensureArtifact } = createRequire(import.meta.url)("${join(repositoryRoot(), "dist/infra/setup/artifact.js")}");
await ensureArtifact(process.argv[2], { kind: "tool", inputs: ${JSON.stringify(inputs)}, build: async (folder) => {
  writeFileSync(folder + "/half", "half");
  console.log("building");
  await new Promise((resolve) => setTimeout(resolve, 600_000));
} }, () => {});
`;

test("it is built once, and then only read", async () => {
  const home = scratchFolder();
  let builds = 0;
  const counted = recipe((folder) => {
    builds++;
    writeFileSync(join(folder, "program"), "content");
  });
  const first = await ensureArtifact(home, counted, silent);
  const second = await ensureArtifact(home, counted, silent);
  expect([first, builds]).toEqual([second, 1]);
  expect(readFileSync(join(first, "program"), "utf8")).toBe("content");
  expect(JSON.parse(readFileSync(join(first, "manifest.json"), "utf8"))).toMatchObject({ inputs, bytes: 7 });
});

test("two at once build it once", async () => {
  const home = scratchFolder();
  let builds = 0;
  const slow = recipe(async (folder) => {
    builds++;
    await writeFile(join(folder, "program"), "x".repeat(1_000_000));
  });
  const folders = await Promise.all([1, 2, 3].map(() => ensureArtifact(home, slow, silent)));
  expect(new Set(folders).size).toBe(1);
  expect(builds).toBe(1);
});

test("a build that was killed leaves nothing that looks finished, and is cleared away by the next", async () => {
  const home = scratchFolder();
  const builder = runModule(STUCK_BUILDER, [home]);
  expect(await builder.line()).toBe("building");
  builder.process.kill("SIGKILL");
  expect(await builder.ended()).toBe("SIGKILL");
  expect(readdirSync(join(home, "tool"))).toEqual([expect.stringMatching(/^\.building-/)]);

  const folder = await ensureArtifact(
    home,
    recipe((draft) => writeFileSync(join(draft, "program"), "whole")),
    silent,
  );
  expect(readdirSync(folder).sort()).toEqual(["manifest.json", "program"]);
  expect(readdirSync(join(home, "tool"))).toHaveLength(1);
});

/** Builds with a program that never ends. */
const BUILDER_WITH_PROGRAM = `
import { createRequire } from "node:module";
const require = createRequire(import.meta.url);
const { ensureArtifact } = require("${join(repositoryRoot(), "dist/infra/setup/artifact.js")}");
const { runCommand } = require("${join(repositoryRoot(), "dist/infra/setup/run-command.js")}");
const text = "console.log(process.pid); setInterval(() => {}, 1000)";
await ensureArtifact(process.argv[2], { kind: "tool", inputs: ${JSON.stringify(inputs)}, build: (folder) =>
  runCommand(process.execPath, ["-e", text, folder], { onLine: (line) => console.log(line) }) }, () => {});
`;

test.each([
  ["ends with the process that builds", "SIGTERM", false],
  ["that outlived it is ended by the next build", "SIGKILL", true],
] as const)("a builder's program %s", async (_, signal, outlives) => {
  const home = scratchFolder();
  const builder = runModule(BUILDER_WITH_PROGRAM, [home]);
  const program = Number(await builder.line());
  onTestFinished(() =>
    killAll(() => processesThat(({ command }) => command().some((word) => word.includes(home)))),
  );
  builder.process.kill(signal);
  await builder.ended();
  if (!outlives) await until(() => startTimeOf(program) === undefined, "the program is gone");
  else expect(startTimeOf(program)).toBeDefined();
  await ensureArtifact(
    home,
    recipe(() => expect(startTimeOf(program)).toBeUndefined()),
    silent,
  );
});

test("a build that fails is tried again the next time", async () => {
  const home = scratchFolder();
  const failing = recipe(() => Promise.reject(new Error("no network")));
  await expect(ensureArtifact(home, failing, silent)).rejects.toThrow("no network");
  expect(isBuilt(artifactFolder(home, failing))).toBe(false);
  const folder = await ensureArtifact(
    home,
    recipe(() => {}),
    silent,
  );
  expect(isBuilt(folder)).toBe(true);
});

test("a folder without a manifest does not count, and other inputs are another artifact", async () => {
  const home = scratchFolder();
  const unfinished = artifactFolder(home, { kind: "tool", inputs });
  mkdirSync(unfinished, { recursive: true });
  writeFileSync(join(unfinished, "stale"), "");
  const folder = await ensureArtifact(
    home,
    recipe(() => {}),
    silent,
  );
  expect(existsSync(join(folder, "stale"))).toBe(false);
  expect(artifactFolder(home, { kind: "tool", inputs: ["version 2", "linux"] })).not.toBe(folder);
});
