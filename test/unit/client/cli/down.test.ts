import { spawn } from "node:child_process";
import { once } from "node:events";
import { Command } from "commander";
import { expect, onTestFinished, test } from "vitest";
import { addDown } from "../../../../client/cli/commands/down";
import { layoutOf } from "../../../../infra/dev/layout";
import { ProcessRecords } from "../../../../infra/dev/processes/records";
import { startTimeOf } from "../../../../infra/setup/process-identity.mjs";
import { scratchFolder } from "../../../support/scratch";
import { until } from "../../../support/until";

/** A stack of which MinIO runs, and takes its time to end. */
async function slowStack(): Promise<string> {
  const stateDir = scratchFolder();
  const deaf = `process.on("SIGTERM", () => {}); process.send("up"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["-e", deaf], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child, "message");
  const pid = child.pid as number;
  new ProcessRecords(layoutOf(stateDir).processes, stateDir).write("minio", {
    pid,
    startTime: startTimeOf(pid) as string,
    fingerprint: "f",
    command: "c",
  });
  return stateDir;
}

test("down that is interrupted says what is still up, and how to go on", async () => {
  const interrupt = new AbortController();
  let said = "";
  const stream = { write: (text: string) => (said += text) };
  const program = new Command();
  addDown(program, {
    stdout: stream,
    stderr: stream,
    env: {},
    cwd: "/",
    root: "/",
    stateDir: await slowStack(),
    exitCode: 0,
    interrupt: interrupt.signal,
  });
  const outcome = program.parseAsync(["down"], { from: "user" });
  await until(() => said.includes("minio     stopping"), "MinIO is being stopped");
  interrupt.abort();
  await expect(outcome).rejects.toThrow(/still up: minio\.\n {2}go on: {3}npx belay down/);
});
