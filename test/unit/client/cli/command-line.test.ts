import { expect, test, vi } from "vitest";
import { runCommandLine } from "../../../../client/cli/command-line";

// A collector that is away keeps what ends telemetry busy for longer than a person waits.
vi.mock("../../../../client/cli/telemetry", () => ({
  startTelemetry: async () => () => new Promise<void>(() => {}),
}));

test("after Ctrl-C no command waits for its traces to be taken", async () => {
  const interrupt = new AbortController();
  const quiet = { write: () => {} };
  const outcome = runCommandLine(["--version"], {
    stdout: quiet,
    stderr: quiet,
    env: {},
    cwd: "/",
    interrupt: interrupt.signal,
  });
  interrupt.abort();
  expect(await outcome).toBe(130);
});
