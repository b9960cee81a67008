import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type Launch, launchDaemon } from "../../../../infra/dev/processes/daemon";
import {
  TAG_VARIABLE,
  taggedProcesses,
  tagOf,
  thoseThatRun,
} from "../../../../infra/dev/processes/leftovers";
import { fingerprintOf, ProcessRecords } from "../../../../infra/dev/processes/records";
import { killProcess, stopProcess } from "../../../../infra/dev/processes/stop";
import { waitUntil } from "../../../../infra/dev/wait";
import { isAlive, type ProcessIdentity, startTimeOf } from "../../../../infra/setup/process-identity.mjs";
import { scratchFolder } from "../../../support/scratch";

function script(text: string, folder: string, env: Record<string, string> = {}): Launch {
  return {
    command: process.execPath,
    args: ["-e", text],
    env: { PATH: process.env.PATH ?? "", ...env },
    cwd: folder,
  };
}

const SAYS_UP = "console.log('up'); setInterval(() => {}, 1000);";
const DEAF = `process.on("SIGTERM", () => console.log("deaf")); ${SAYS_UP}`;

const stateOf = (pid: number) => /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1];

async function started(launch: Launch, folder: string): Promise<ProcessIdentity> {
  const log = join(folder, "log");
  const identity = await launchDaemon(launch, log);
  onTestFinished(() => killProcess(identity));
  expect(await waitUntil(() => existsSync(log) && readFileSync(log, "utf8").includes("up"), 20_000)).toBe(
    true,
  );
  return identity;
}

test("a process ends when asked", async () => {
  const folder = scratchFolder();
  const identity = await started(script(SAYS_UP, folder), folder);
  expect(isAlive(identity)).toBe(true);
  expect(await stopProcess(identity, { signal: "SIGTERM", withinMs: 20_000 })).toBe("asked");
  expect(isAlive(identity)).toBe(false);
});

test("one that does not listen is killed", async () => {
  const folder = scratchFolder();
  const identity = await started(script(DEAF, folder), folder);
  expect(await stopProcess(identity, { signal: "SIGTERM", withinMs: 300 })).toBe("killed");
  expect(readFileSync(join(folder, "log"), "utf8")).toContain("deaf");
  expect(isAlive(identity)).toBe(false);
});

test("a process id that belongs to somebody else by now is left alone", async () => {
  const folder = scratchFolder();
  const stranger = await started(script(SAYS_UP, folder), folder);
  const ours: ProcessIdentity = { pid: stranger.pid, startTime: "1" };
  expect(await stopProcess(ours, { signal: "SIGTERM", withinMs: 0 })).toBe("asked");
  await killProcess(ours);
  expect(isAlive(stranger)).toBe(true);

  const records = new ProcessRecords(folder, folder);
  records.write("minio", { ...ours, fingerprint: "f", command: "c" });
  expect(records.living("minio")).toBeUndefined();
  records.write("minio", { ...stranger, fingerprint: "f", command: "c" });
  expect(records.living("minio")).toMatchObject({ pid: stranger.pid, fingerprint: "f" });
});

test("what a copied state folder remembers is another stack's, what a moved one remembers its own", async () => {
  const [folder, former] = [scratchFolder(), scratchFolder()];
  const living = await started(script(SAYS_UP, folder), folder);
  new ProcessRecords(folder, former).write("minio", { ...living, fingerprint: "f", command: "c" });
  const records = new ProcessRecords(folder, folder);
  expect(records.living("minio")).toBeUndefined();
  rmSync(former, { recursive: true });
  expect(records.living("minio")).toMatchObject({ pid: living.pid });
});

test("children that a killed process left behind are found by their tag", async () => {
  const folder = scratchFolder();
  const tag = tagOf(folder, "gpu");
  const parent = `
    const child = require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(SAYS_UP)}], { stdio: "inherit" });
    child.on("spawn", () => console.log("child " + child.pid));
    setInterval(() => {}, 1000);`;
  const identity = await started(script(parent, folder, { [TAG_VARIABLE]: tag }), folder);
  const tagged = taggedProcesses(tag);
  expect(tagged).toHaveLength(2);
  // The two are told apart by what they run.
  expect(thoseThatRun(tagged, [process.execPath, "-e", parent])).toEqual([identity]);
  expect(thoseThatRun(tagged, [process.execPath])).toHaveLength(2);
  await killProcess(identity);
  const [left, ...more] = taggedProcesses(tag);
  expect(more).toEqual([]);
  expect(readFileSync(join(folder, "log"), "utf8")).toContain(`child ${left?.pid}`);
  if (left) await killProcess(left);
  expect(taggedProcesses(tag)).toEqual([]);
});

test("a program that does not exist is a clear error", async () => {
  const folder = scratchFolder();
  const launch = { ...script("", folder), command: join(folder, "missing") };
  await expect(launchDaemon(launch, join(folder, "log"))).rejects.toThrow(
    /missing cannot be started: .*ENOENT/,
  );
});

test("the fingerprint follows what a process is told and its code, not what it merely sees", () => {
  const launch = script("", "/", { A: "1" });
  const before = fingerprintOf(launch, "code");
  expect(fingerprintOf({ ...launch, ambient: { TERM: "dumb" } }, "code")).toBe(before);
  expect(fingerprintOf({ ...launch, env: { ...launch.env, A: "2" } }, "code")).not.toBe(before);
  expect(fingerprintOf(launch, "changed")).not.toBe(before);
  const fromAnotherTerminal = { ...launch, env: { ...launch.env, PATH: "/elsewhere" } };
  expect(fingerprintOf(fromAnotherTerminal, "code")).toBe(before);
});

test("a zombie counts as dead", async () => {
  const folder = scratchFolder();
  // The shell becomes a program that never asks after the child that it had.
  const launch = {
    ...script("", folder),
    command: "/bin/sh",
    args: ["-c", `(echo child $$; exec sh -c 'echo zombie $$') & exec ${process.execPath} -e "${SAYS_UP}"`],
  };
  await started(launch, folder);
  const log = join(folder, "log");
  expect(await waitUntil(() => /zombie \d+/.test(readFileSync(log, "utf8")), 20_000)).toBe(true);
  const pid = Number(/zombie (\d+)/.exec(readFileSync(log, "utf8"))?.[1]);
  expect(await waitUntil(() => stateOf(pid) === "Z", 20_000)).toBe(true);
  expect(startTimeOf(pid)).toBeUndefined();
});
