import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { expect, onTestFinished, test } from "vitest";
import { areInstalled } from "../../../../infra/setup/dependencies.mjs";
import { startTimeOf } from "../../../../infra/setup/process-identity.mjs";
import { killAll, processesThat } from "../../../../infra/setup/process-search.mjs";
import { scratchFolder } from "../../../support/scratch";
import { until } from "../../../support/until";

/** A fresh clone, and an npm that notes down that it runs and installs for ever. */
function clone(): string {
  const root = scratchFolder();
  cpSync(join(__dirname, "../../../../infra/setup"), join(root, "infra", "setup"), { recursive: true });
  writeFileSync(join(root, "package-lock.json"), JSON.stringify({ packages: { "": {} } }));
  writeFileSync(
    join(root, "npm.js"),
    `require("node:fs").appendFileSync("installations", process.pid + "\\n"); setInterval(() => {}, 1000);`,
  );
  onTestFinished(() =>
    killAll(() => processesThat(({ command }) => command().includes(join(root, "npm.js")))),
  );
  return root;
}

/** Set-up under way, with this npm. */
function setUp(root: string) {
  const command = execa(process.execPath, [join(root, "infra", "setup", "bootstrap.mjs")], {
    env: { npm_execpath: join(root, "npm.js") },
    reject: false,
    stdin: "ignore",
  });
  onTestFinished(() => void command.kill("SIGKILL"));
  return command;
}

/** The process ids of the installations that were begun, once there are so many. */
function installations(root: string, count: number): Promise<number[]> {
  const path = join(root, "installations");
  const begun = () => (existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").map(Number) : []);
  return until(() => (begun().length === count ? begun() : undefined), `${count} installations were begun`);
}

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s while npm installs ends npm, and then set-up",
  async (signal) => {
    const root = clone();
    const command = setUp(root);
    const [npm = 0] = await installations(root, 1);
    command.kill(signal);
    const { exitCode, stderr } = await command;
    expect([exitCode, stderr.split("\n").at(-1)]).toEqual([
      130,
      "belay: set-up was interrupted; run the same command again, and it goes on",
    ]);
    expect(startTimeOf(npm)).toBeUndefined();
    expect(existsSync(join(root, ".belay", "locks", "dependencies.lock"))).toBe(false);
    expect(areInstalled(root)).toBe(false);
  },
);

test("an installation whose set-up was killed does not go on beside the next", async () => {
  const root = clone();
  const killed = setUp(root);
  const [first = 0] = await installations(root, 1);
  killed.kill("SIGKILL");
  // Its output stays open: npm goes on.
  await until(() => startTimeOf(killed.pid ?? 0) === undefined, "set-up is gone");
  expect(startTimeOf(first)).toBeDefined();
  const next = setUp(root);
  const [, second = 0] = await installations(root, 2);
  expect([first, second].map(startTimeOf)).toEqual([undefined, expect.any(String)]);
  next.kill("SIGINT");
  expect((await next).exitCode).toBe(130);
});

test("npm's word alone makes no installation", async () => {
  const root = clone();
  writeFileSync(
    join(root, "npm.js"),
    `require("node:fs").mkdirSync("node_modules/.bin", { recursive: true })`,
  );
  const { exitCode, stderr } = await setUp(root);
  expect([exitCode, stderr]).toEqual([3, expect.stringContaining("npm ci left packages out")]);
  mkdirSync(join(root, "node_modules"), { recursive: true });
  expect(areInstalled(root)).toBe(false);
});
