import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { runCommandLine } from "../../../../client/cli/command-line";
import { CommandFailure, describeFailure, Interrupted } from "../../../../client/cli/failures";
import { DownloadFailed } from "../../../../client/cli/object-store";
import { BelayError, RunFailedError, VerificationError } from "../../../../client/errors";
import { InvalidExperimentError } from "../../../../client/spec/issue";
import { MissingRequirement } from "../../../../infra/setup/missing.mjs";
import { scratchFolder } from "../../../support/scratch";

/** Runs a command line in a folder without a stack, with nothing in the environment but what is given. */
async function belay(args: string[], env: NodeJS.ProcessEnv = {}) {
  const written = { stdout: "", stderr: "" };
  const exitCode = await runCommandLine(args, {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    env,
    cwd: tmpdir(),
    interrupt: new AbortController().signal,
  });
  return { exitCode, ...written };
}

async function unusedAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
}

const COMMANDS = [
  "quickstart",
  "up",
  "down",
  "status",
  "doctor",
  "validate",
  "run",
  "watch",
  "ls",
  "pause",
  "resume",
  "cancel",
  "artifacts",
  "verify",
  "dashboard",
];

describe("help", () => {
  it("names every command and the exit codes", async () => {
    const { exitCode, stdout } = await belay(["--help"]);
    expect(exitCode).toBe(0);
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, "m"));
    expect(stdout).toContain("130 interrupted");
  });

  it.each(COMMANDS)("of %s has an example", async (command) => {
    const { exitCode, stdout } = await belay([command, "--help"]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n  npx belay ${command}\\b`));
  });
});

describe("exit codes of command lines", () => {
  it("2 for what is not understood, with the nearest command", async () => {
    const { exitCode, stderr } = await belay(["rnu"]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining("Did you mean run?")]);
    expect((await belay(["run"])).exitCode).toBe(2);
    expect((await belay(["run", "a.yaml", "--nonsense"])).exitCode).toBe(2);
    expect((await belay(["verify", "x", "--levels", "L7"])).exitCode).toBe(2);
    expect((await belay(["dashboard", "--port", "0"])).exitCode).toBe(2);
  });

  it("2 for a bad experiment, before anything is connected to", async () => {
    const { exitCode, stdout, stderr } = await belay(["run", "nowhere.yaml", "--json"]);
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 2,
      stdout: "",
      stderr: "nowhere.yaml: no such file\n",
    });
    expect((await belay(["validate", "nowhere.yaml"])).exitCode).toBe(2);
  });

  it("3 when nobody listens at Temporal's address, in two lines and without a stack trace", async () => {
    const address = await unusedAddress();
    for (const args of [["ls"], ["watch", "x"], ["cancel", "x"], ["verify", "x"]]) {
      const { exitCode, stderr } = await belay(args, { TEMPORAL_ADDRESS: address });
      expect(exitCode).toBe(3);
      expect(stderr.replace(/^Verifying.*\n/, "")).toBe(
        `belay: Temporal does not answer at ${address}\n       start the stack: npx belay up\n`,
      );
    }
  });

  it("0 for a valid experiment, which --json prints complete", async () => {
    const folder = scratchFolder();
    const file = join(folder, "e.yaml");
    writeFileSync(join(folder, "rows.jsonl"), "");
    writeFileSync(
      file,
      `name: x\nmodel: {model_name_or_path: Qwen/Qwen3-0.6B, revision: ${"c".repeat(40)}}\ndataset: rows.jsonl\n`,
    );
    const { exitCode, stdout, stderr } = await belay([
      "validate",
      file,
      "--json",
      "--set",
      "search.num_trials=5",
    ]);
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining("is a valid experiment")]);
    expect(JSON.parse(stdout).search.num_trials).toBe(5);
  });
});

describe("exit codes of failures", () => {
  const issue = { source: "e.yaml", line: 1, column: 1, path: ["name"], message: "is missing" };
  it.each<[string, unknown, number, string[]]>([
    ["an experiment that is wrong", new InvalidExperimentError([issue]), 2, ["e.yaml:1:1 name: is missing"]],
    ["Ctrl-C", new Interrupted("r goes on"), 130, ["r goes on"]],
    [
      "a run that is not there",
      new BelayError("NotFound", "there is no run r"),
      2,
      [expect.anything(), expect.anything()],
    ],
    [
      "no kernel worker",
      new BelayError("NoWorker", "none"),
      3,
      [expect.anything(), expect.stringContaining("belay up")],
    ],
    [
      "a run that is over",
      new BelayError("Closed", "r has ended already"),
      2,
      ["belay: r has ended already"],
    ],
    [
      "a run that failed",
      new RunFailedError("r", "Internal", "boom"),
      1,
      ["belay: r failed (Internal): boom", expect.anything()],
    ],
    [
      "a run whose data is wrong",
      new RunFailedError("r", "InvalidDataset", "row 3"),
      2,
      [expect.stringContaining("row 3"), expect.anything()],
    ],
    ["a run that was cancelled", new RunFailedError("r", "Cancelled", ""), 1, ["belay: r was cancelled"]],
    [
      "a run that cannot be verified",
      new VerificationError("r", "NotFound", "r has no manifest"),
      2,
      ["belay: r could not be verified: r has no manifest"],
    ],
    [
      "something missing",
      new MissingRequirement("no Python", "install it"),
      3,
      ["belay: no Python", "       install it"],
    ],
    ["a command's own", new CommandFailure(3, "no", "do this"), 3, ["belay: no", "       do this"]],
    [
      "a full disk",
      Object.assign(new Error("write ENOSPC"), { code: "ENOSPC" }),
      1,
      ["belay: write ENOSPC", expect.stringContaining("disk space")],
    ],
    [
      "a refused connection",
      Object.assign(new Error("x"), { code: "ECONNREFUSED" }),
      3,
      ["belay: x", expect.stringContaining("belay status")],
    ],
    [
      "an object store that is down",
      new DownloadFailed("s3://b/k could not be fetched", {
        cause: new AggregateError([Object.assign(new Error("x"), { code: "ECONNREFUSED" })]),
      }),
      3,
      ["belay: s3://b/k could not be fetched", expect.stringContaining("belay up")],
    ],
    [
      "a file that is not what was published",
      new DownloadFailed("its sha256 is 1"),
      1,
      ["belay: its sha256 is 1"],
    ],
    ["a defect", new TypeError("x is not a function"), 1, ["belay: x is not a function"]],
    ["no error at all", "text", 1, ["belay: text"]],
    ["help", new CommanderError(0, "commander.helpDisplayed", ""), 0, []],
    ["a wrong option", new CommanderError(1, "commander.unknownOption", ""), 2, []],
  ])("%s", (_name, error, exitCode, lines) => {
    expect(describeFailure(error)).toEqual({ exitCode, lines });
  });
});
