import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../support/until";
import { openRows } from "./support/facts";
import { patience, Rig } from "./support/rig";
import { tinySearch } from "./support/search";

const trials = 4;

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
}, patience);
afterAll(() => rig?.close());

/** A search without pruning, in which one trial is under way. */
async function searching(run: string): Promise<number> {
  const spec = tinySearch(rig.inputs);
  await rig.start(run, { ...spec, search: { ...spec.search, pruner: "none" } }, { reconcileSeconds: 2 });
  return (await rig.midTrial(run, trials)).trial;
}

describe("a trial that somebody closes from outside", () => {
  test(
    "leaves no row open when it is terminated, and the others go on",
    async () => {
      const run = "terminated-trial";
      const trial = await searching(run);
      await rig.temporal(
        "workflow",
        "terminate",
        "--workflow-id",
        `${run}/trial-${trial}`,
        "--reason",
        "by hand",
      );

      const result = await rig.result(run);
      const [row] = await rig.rows<{ state: string }>(
        "SELECT state FROM trials WHERE run = $1 AND trial = $2",
        [run, trial],
      );
      expect(row?.state).toMatch(/^(failed|cancelled)$/);
      expect(result.trials.completed).toBe(trials - 1);
      expect(await openRows(rig, run)).toEqual([]);
    },
    patience,
  );

  test(
    "is finished by its new execution when it is reset, and counted once",
    async () => {
      const run = "reset-trial";
      const trial = await searching(run);
      const workflowId = `${run}/trial-${trial}`;
      const before = await rig.client.workflow.getHandle(workflowId).describe();
      await rig.temporal(
        "workflow",
        "reset",
        "--workflow-id",
        workflowId,
        "--type",
        "FirstWorkflowTask",
        "--reason",
        "by hand",
      );
      const after = await rig.client.workflow.getHandle(workflowId).describe();
      expect(after.runId).not.toBe(before.runId);

      const result = await rig.result(run);
      expect(result.trials).toMatchObject({ completed: trials, failed: 0, cancelled: 0 });
      const outcomes = await rig.rows(
        `SELECT split_part(subject, 'trial-', 2)::int AS trial, count(*)::int AS n FROM trace_events
         WHERE run = $1 AND kind = 'trial.outcome' GROUP BY trial ORDER BY trial`,
        [run],
      );
      expect(outcomes).toEqual(Array.from({ length: trials }, (_, number) => ({ trial: number, n: 1 })));
      expect(await openRows(rig, run)).toEqual([]);
    },
    patience,
  );

  test(
    "takes its rows along when the whole run is terminated",
    async () => {
      const run = "terminated-run";
      await searching(run);
      await rig.temporal("workflow", "terminate", "--workflow-id", run, "--reason", "by hand");
      await until(
        async () => (await openRows(rig, run)).length === 0,
        "every row of the run is closed",
        patience,
      );
    },
    patience,
  );
});
