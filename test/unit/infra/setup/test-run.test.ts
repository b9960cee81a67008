import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { execa } from "execa";
import { expect, onTestFinished, test, vi } from "vitest";
import { TAG_VARIABLE, tagOf } from "../../../../infra/dev/processes/leftovers";
import { isAlive, type ProcessIdentity, startTimeOf } from "../../../../infra/setup/process-identity.mjs";
import { killAll, processesThat } from "../../../../infra/setup/process-search.mjs";
import { clearDeadTestRuns, clearTestRun, openTestRun } from "../../../../infra/setup/test-run.mjs";
import { runModule } from "../../../support/child";
import { scratchFolder } from "../../../support/scratch";
import { until } from "../../../support/until";

const SETUP = join(__dirname, "../../../../infra/setup");
const RUN_MODULE = pathToFileURL(join(SETUP, "test-run.mjs")).href;

/** Opens a run for a checkout, and lives on. */
const OWNER = `
import { openTestRun } from "${RUN_MODULE}";
console.log(openTestRun(process.argv[2]));
setInterval(() => {}, 1000);`;

/** A server that outlives whoever started it. */
function daemon(env: Record<string, string>): ProcessIdentity {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], {
    detached: true,
    stdio: "ignore",
    env,
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const pid = child.pid as number;
  return { pid, startTime: startTimeOf(pid) as string };
}

/** A run of this checkout in a process of its own. */
async function owned(root: string) {
  const owner = runModule(OWNER, [root], { TMPDIR: process.env.TMPDIR });
  return { owner, folder: await owner.line() };
}

/** A place of one's own for runs: those of the run at hand are not touched. */
const ownPlace = () => void vi.stubEnv("TMPDIR", scratchFolder());

test("what a run of this checkout leaves when it is killed is cleared away, and nothing else", async () => {
  ownPlace();
  onTestFinished(() => void vi.unstubAllEnvs());
  const killed = await owned("/checkout");
  const [living, another] = [await owned("/checkout"), await owned("/another")];
  const of = (folder: string) => [
    daemon({ TMPDIR: folder }),
    daemon({ [TAG_VARIABLE]: tagOf(join(folder, "services"), "minio") }),
  ];
  const [left, alive, elsewhere] = [of(killed.folder), of(living.folder), of(another.folder)];
  for (const { owner } of [killed, another]) {
    owner.process.kill("SIGKILL");
    await owner.ended();
  }
  expect(await clearDeadTestRuns("/checkout")).toEqual([killed.folder]);
  expect(left.map(isAlive)).toEqual([false, false]);
  expect([...alive, ...elsewhere].map(isAlive)).toEqual([true, true, true, true]);
  expect([killed, living, another].map(({ folder }) => existsSync(folder))).toEqual([false, true, true]);
});

test("a shell that stands in its folder is no part of a run, nor is one of a longer name", async () => {
  ownPlace();
  onTestFinished(() => void vi.unstubAllEnvs());
  const folder = openTestRun("/checkout");
  const strangers = [daemon({ PWD: folder, OLDPWD: folder }), daemon({ TMPDIR: `${folder}x` })];
  const own = daemon({ HOME: join(folder, "temporal") });
  await clearTestRun(folder);
  expect([...strangers, own].map(isAlive)).toEqual([true, true, false]);
});

/** A checkout whose vitest starts a server, says so, and never ends. */
function checkout(): string {
  const root = scratchFolder();
  cpSync(SETUP, join(root, "infra", "setup"), { recursive: true });
  for (const path of ["node_modules/.bin", "node_modules/vitest", ".belay"])
    mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, "package-lock.json"), "{}");
  writeFileSync(join(root, ".belay", "tools.json"), JSON.stringify({ tools: { python: "python3" } }));
  symlinkSync(process.execPath, join(root, "node_modules", ".bin", "node"));
  writeFileSync(
    join(root, "node_modules", "vitest", "vitest.mjs"),
    `import { spawn } from "node:child_process";
     import { renameSync, writeFileSync } from "node:fs";
     const server = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], {
       detached: true, stdio: "ignore", env: { ${TAG_VARIABLE}: process.env.TMPDIR + "/stack#minio" } });
     writeFileSync("draft", JSON.stringify({ server: server.pid, vitest: process.pid, folder: process.env.TMPDIR }));
     renameSync("draft", "started");
     process.on("SIGTERM", () => {});
     setInterval(() => {}, 1000);`,
  );
  return root;
}

/** The tests of such a checkout under way, started from a shell as npm starts them. */
async function underWay() {
  const root = checkout();
  const script = join(root, "infra", "setup", "test.mjs");
  const shell = execa("/bin/sh", ["-c", `"${process.execPath}" "${script}" some.test.ts; exit $?`], {
    reject: false,
  });
  onTestFinished(() => killAll(() => processesThat(({ command }) => command().includes(script))));
  const started = join(root, "started");
  await until(() => existsSync(started), "the tests are under way");
  const { server, vitest, folder } = JSON.parse(readFileSync(started, "utf8"));
  onTestFinished(() => killAll(() => processesThat(({ pid }) => pid === server)));
  expect([server, vitest].map(startTimeOf)).toEqual([expect.any(String), expect.any(String)]);
  const [command] = processesThat(
    (each) => each.command().includes(script) && each.command()[0] !== "/bin/sh",
  );
  return { shell, server, vitest, folder, command: command?.pid ?? 0 };
}

test.each(["SIGINT", "SIGTERM"] as const)("npm test ends on %s with all that it started", async (signal) => {
  const { shell, server, vitest, folder, command } = await underWay();
  process.kill(command, signal);
  const { exitCode, stderr } = await shell;
  expect([exitCode, stderr.trim()]).toEqual([
    130,
    "belay: the tests were interrupted; ending what they have started …",
  ]);
  expect([server, vitest].map(startTimeOf)).toEqual([undefined, undefined]);
  expect(existsSync(folder)).toBe(false);
});

test("npm test ends when the shell that waits for it is gone", async () => {
  const { shell, server, vitest, folder, command } = await underWay();
  shell.kill("SIGTERM");
  await until(() => startTimeOf(command) === undefined, "npm test ends");
  expect([server, vitest].map(startTimeOf)).toEqual([undefined, undefined]);
  expect(existsSync(folder)).toBe(false);
});
