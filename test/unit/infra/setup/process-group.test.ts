import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { runGroup } from "../../../../infra/setup/process-group.mjs";
import { startTimeOf } from "../../../../infra/setup/process-identity.mjs";
import { killAll, processesThat } from "../../../../infra/setup/process-search.mjs";
import { runModule } from "../../../support/child";
import { scratchFolder } from "../../../support/scratch";
import { until } from "../../../support/until";

const GROUP_MODULE = pathToFileURL(join(__dirname, "../../../../infra/setup/process-group.mjs")).href;

/** Starts another process like itself, and hears no signal that can be ignored. */
const DEAF = `
if (process.argv[1] !== "last") require("node:child_process").spawn(process.execPath, ["-e", process.env.TEXT, "last"]);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});
setInterval(() => {}, 1000);`;

/** Both of them, by a mark in their environment. */
const marked = (mark: string) => () =>
  processesThat(({ environment }) => environment().includes(`MARK=${mark}`));

test("an interrupted program is waited for, and what it started is gone with it", async () => {
  const [mark, interrupt] = [scratchFolder(), new AbortController()];
  const env = { ...process.env, TEXT: DEAF, MARK: mark };
  const options = { env, interrupt: interrupt.signal, endWithinMs: 50 };
  const outcome = runGroup(process.execPath, ["-e", DEAF], options);
  await until(() => marked(mark)().length === 2, "both run");
  interrupt.abort(new Error("Ctrl-C"));
  await expect(outcome).rejects.toThrow("Ctrl-C");
  await until(() => marked(mark)().length === 0, "both are gone");
});

test("one that ends in time ends by its own account", async () => {
  const run = (text: string) => runGroup(process.execPath, ["-e", text]);
  expect(await run("process.exit(3)")).toBe(3);
  expect(await run("process.kill(process.pid, 'SIGTERM')")).toBe("SIGTERM");
  await expect(runGroup("/missing/program", [])).rejects.toThrow("ENOENT");
});

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
  "none outlives a process that %s ends",
  async (signal) => {
    const mark = scratchFolder();
    const text = `
    import { runGroup } from "${GROUP_MODULE}";
    runGroup(process.execPath, ["-e", process.env.TEXT], { env: { ...process.env, MARK: process.argv[2] } });
    console.log("started");`;
    const parent = runModule(text, [mark], { TEXT: DEAF });
    expect(await parent.line()).toBe("started");
    await until(() => marked(mark)().length === 2, "both run");
    parent.process.kill(signal);
    expect(await parent.ended()).toBe(130);
    await until(() => marked(mark)().length === 0, "both are gone");
  },
);

test("what is killed is searched for until nothing is found", async () => {
  const mark = scratchFolder();
  const text = `import { spawn } from "node:child_process";
    spawn(process.execPath, ["-e", process.env.TEXT], { detached: true, stdio: "ignore" }).unref();
    console.log("started");`;
  const parent = runModule(text, [], { TEXT: DEAF, MARK: mark });
  await parent.line();
  await until(() => marked(mark)().length >= 2, "both run");
  await killAll(marked(mark));
  expect(marked(mark)()).toEqual([]);
  expect(processesThat(({ pid }) => pid === process.ppid)).toEqual([
    { pid: process.ppid, startTime: startTimeOf(process.ppid) },
  ]);
});
