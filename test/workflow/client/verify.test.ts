import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { ApplicationFailure } from "@temporalio/common";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommandLine } from "../../../client/cli/command-line";
import { startTemporal, type TemporalServer } from "../../support/temporal";
import { experiment, startExperiment } from "../support/experiments";
import { createLaboratory, quietRuntime } from "../support/laboratory";

quietRuntime();
let server: TemporalServer;
beforeAll(async () => {
  server = await startTemporal();
});
afterAll(() => server.stop());

async function verify(...args: string[]) {
  const written = { stdout: "", stderr: "" };
  const exitCode = await runCommandLine(["verify", ...args], {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    env: { TEMPORAL_ADDRESS: server.address },
    cwd: tmpdir(),
    interrupt: new AbortController().signal,
  });
  return { exitCode, ...written };
}

/** A laboratory whose run has ended, and in which the next manifest is not found in this way. */
async function whenLoading(type: string, message: string, use: (run: string) => Promise<void>) {
  const laboratory = await createLaboratory(server);
  await laboratory.open(async () => {
    const run = `verify-${randomUUID().slice(0, 8)}`;
    await (await startExperiment(server, run, experiment({ num_trials: 1 }))).result();
    laboratory.bench.failNth("manifest.load", 1, ApplicationFailure.nonRetryable(message, type));
    await use(run);
  });
}

describe("belay verify --json", () => {
  test("of a run whose manifest is gone prints that as the verdict, and exits with 1", () =>
    whenLoading("CorruptArtifact", "manifest.json is gone (s3://b/k)", async (run) => {
      const { exitCode, stdout, stderr } = await verify(run, "--json");
      expect(exitCode).toBe(1);
      expect(JSON.parse(stdout)).toEqual({
        level: null,
        passed: false,
        details: [{ level: "L0", passed: false, message: "manifest.json is gone (s3://b/k)" }],
      });
      expect(stderr).toContain("✗ L0 manifest.json is gone");
    }));

  test("of a run without an end prints nothing, and exits with 2", () =>
    whenLoading("NotFound", "it has no manifest", async (run) => {
      const { exitCode, stdout, stderr } = await verify(run, "--json");
      expect([exitCode, stdout]).toEqual([2, ""]);
      expect(stderr).toContain(`belay: ${run} could not be verified: it has no manifest`);
    }));

  test("that broke off prints why", () =>
    whenLoading("Internal", "boom", async (run) => {
      const { exitCode, stdout } = await verify(run, "--json");
      expect(exitCode).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({
        passed: false,
        error: { type: "Internal", message: "boom" },
      });
    }));
});
