import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TaskQueues, WorkflowTypes } from "../../workflows/contracts";
import { until } from "../support/until";
import { type Facts, factsOf, openRows } from "./support/facts";
import { patience, Rig } from "./support/rig";
import { tinySearch } from "./support/search";

const trials = 4;

let rig: Rig;
let undisturbed: Facts;

/** Trials are evaluated where their legs end, and nowhere else: what is lost there is made by no other leg. */
const spec = () => ({
  ...tinySearch(rig.inputs),
  eval: { eval_steps: 1000, metrics: ["eval_loss" as const] },
});

const reset = (workflowId: string) =>
  rig.temporal(
    ...["workflow", "reset", "--workflow-id", workflowId],
    ...["--type", "FirstWorkflowTask", "--reason", "by hand"],
  );

beforeAll(async () => {
  rig = await Rig.start();
  await rig.start("not-reset", spec());
  undisturbed = await factsOf(rig, "not-reset", await rig.result("not-reset"));
}, patience);
afterAll(() => rig?.close());

/** Waits until a trial trains beyond its last rung. */
const beyondRungs = (run: string): Promise<number> =>
  until(
    async () => {
      for (let trial = 0; trial < trials; trial++) {
        const beat = await rig.heartbeat(run, trial);
        if (beat?.checkpoint && beat.step > 60 && beat.step < beat.totalSteps) return { trial };
      }
      return undefined;
    },
    `a trial of ${run} trains beyond its rungs`,
    patience,
  ).then(({ trial }) => trial);

describe("a search with rungs, of which something is reset from a shell", () => {
  test(
    "has every metric row once when a trial is begun anew beyond its rungs",
    async () => {
      const run = "reset-beyond-rungs";
      await rig.start(run, spec());
      const trial = await beyondRungs(run);
      await reset(`${run}/trial-${trial}`);
      const result = await rig.result(run);
      expect(await factsOf(rig, run, result)).toEqual(undisturbed);
      expect(result.reproducibility).toMatchObject({ passed: true, level: "L3" });
      expect(await openRows(rig, run)).toEqual([]);
    },
    patience,
  );

  test(
    "has every metric row once when the whole experiment is begun anew",
    async () => {
      const run = "reset-experiment";
      await rig.start(run, spec());
      await beyondRungs(run);
      await reset(run);
      const result = await rig.result(run);
      expect(await factsOf(rig, run, result)).toEqual(undisturbed);
      expect(result.reproducibility).toMatchObject({ passed: true, level: "L3" });
    },
    patience,
  );

  test(
    "keeps what is on record, the winner's checkpoint above all, when the winner is reset after the end",
    async () => {
      const run = "not-reset";
      const winner = `${run}/trial-${undisturbed.best?.trial}`;
      await reset(winner);
      await expect(rig.client.workflow.getHandle(winner).result()).rejects.toMatchObject({
        cause: { message: expect.stringContaining("has ended (completed)") },
      });
      expect(await factsOf(rig, run, await rig.result(run))).toEqual(undisturbed);
      const verdict = await rig.client.workflow.execute(WorkflowTypes.verify, {
        workflowId: `${run}/verify-again`,
        taskQueue: TaskQueues.kernel,
        args: [{ run, levels: ["L0", "L1"] }],
      });
      expect(verdict).toMatchObject({ passed: true });
    },
    patience,
  );
});
