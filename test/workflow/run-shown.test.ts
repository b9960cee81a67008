import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TrialRow } from "../../workflows/contracts";
import { startTemporal, type TemporalServer } from "../support/temporal";
import { experiment, startExperiment } from "./support/experiments";
import { createLaboratory, quietRuntime } from "./support/laboratory";
import { status, trials } from "./support/messages";

quietRuntime();
let server: TemporalServer;

beforeAll(async () => {
  server = await startTemporal();
});
afterAll(() => server.stop());

describe("what the run shows of itself", () => {
  test("status, trials and the live table", async () => {
    const { bench, open } = await createLaboratory(server);
    const run = "shown";
    const hold = bench.hold(`${run}/trial-1`, 50);
    await open(async () => {
      const handle = await startExperiment(
        server,
        run,
        experiment({ num_trials: 3, max_concurrent_trials: 1 }),
      );
      await bench.reached(hold);
      expect(await status(handle)).toMatchObject({
        run,
        name: "lab",
        state: "running",
        stage: "search",
        metric: "eval_loss",
        numTrials: 3,
        counts: { completed: 1, running: 1 },
        best: { trial: 0, params: { learning_rate: 0.01 } },
        warnings: ["3 rows were truncated"],
      });
      expect(await trials(handle)).toMatchObject([
        { trial: 0, state: "completed", workflowId: `${run}/trial-0` },
        { trial: 1, state: "running" },
      ]);
      const shown = JSON.stringify(await handle.query("__temporal_workflow_metadata"));
      expect(shown).toContain("| trial | state | learning_rate | step | eval_loss |");
      expect(shown).toContain("| 0 (best) | completed | 0.01 |");
      const one = await server.client.workflow.getHandle(`${run}/trial-1`).query<TrialRow>("status");
      expect(one).toMatchObject({ trial: 1, state: "running", totalSteps: 100 });
      bench.releaseAll();
      await handle.result();
    });
  });
});
