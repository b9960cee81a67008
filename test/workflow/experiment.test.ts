import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExperimentResult } from "../../workflows/contracts";
import { startTemporal, type TemporalServer } from "../support/temporal";
import { experiment, startExperiment } from "./support/experiments";
import { createLaboratory, quietRuntime } from "./support/laboratory";

quietRuntime();
let server: TemporalServer;

beforeAll(async () => {
  server = await startTemporal();
});
afterAll(() => server.stop());

describe("a search that nothing disturbs", () => {
  test("runs every stage in order and answers with its result", async () => {
    const laboratory = await createLaboratory(server);
    const run = "normal";
    const result: ExperimentResult = await laboratory.open(async () => {
      const handle = await startExperiment(
        server,
        run,
        experiment({ num_trials: 6, max_concurrent_trials: 3 }),
      );
      return handle.result();
    });
    expect(result).toMatchObject({
      run,
      state: "completed",
      trials: { completed: 6, pruned: 0, diverged: 0, failed: 0, cancelled: 0 },
      best: { trial: 0 },
      reproducibility: { level: "L2", passed: true },
    });
    expect(laboratory.records.endStates(run)).toEqual(Array(6).fill("completed"));
    expect(laboratory.records.ordinals(run)).toEqual([0, 1, 2, 3, 4, 5]);
  });
});
