import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTemporal, type TemporalServer } from "../support/temporal";
import { experiment, startExperiment } from "../workflow/support/experiments";
import { createLaboratory, quietRuntime } from "../workflow/support/laboratory";
import { storedBundle, storedReleases } from "./bundles";

quietRuntime();

describe("runs that an earlier release started", () => {
  let server: TemporalServer;
  beforeAll(async () => {
    server = await startTemporal();
  });
  afterAll(() => server?.stop());

  test("there is a release to upgrade from", () => {
    expect(storedReleases()).not.toEqual([]);
  });

  const patience = 180_000;
  test.each(storedReleases())(
    "%s: are finished by today's workflows",
    { timeout: patience },
    async (release) => {
      const laboratory = await createLaboratory(server, 4, storedBundle(release));
      const { bench, records } = laboratory;
      const run = `upgraded-from-${release}`;
      await laboratory.open(async () => {
        const hold = bench.hold(`${run}/trial-0`, 12);
        const search = { num_trials: 4, max_concurrent_trials: 2, pruner: "asha" as const };
        const spec = experiment(
          { ...search, asha: { grace_steps: 5, reduction_factor: 2 } },
          { train: { max_steps: 20 }, save: { save_steps: 5 } },
        );
        const handle = await startExperiment(server, run, spec);
        await bench.reached(hold);
        await laboratory.upgrade();
        bench.releaseAll();

        expect(await handle.result()).toMatchObject({ state: "completed" });
        for (const id of [run, `${run}/trial-0`]) {
          const { events } = await server.client.workflow.getHandle(id).fetchHistory();
          const workers = events?.flatMap(
            ({ workflowTaskStartedEventAttributes: started }) => started?.identity ?? [],
          );
          expect(new Set(workers), id).toEqual(new Set(["kernel", "upgraded-kernel"]));
        }
        expect(records.ordinals(run)).toEqual([0, 1, 2, 3]);
        expect(records.endStates(run)).toContain("completed");
      });
    },
  );
});
