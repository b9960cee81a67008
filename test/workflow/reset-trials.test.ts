import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { experimentWorkflow } from "../../workflows/lora/experiment.workflow";
import { startTemporal, type TemporalServer } from "../support/temporal";
import type { Bench } from "./support/bench";
import { dispatchesOf } from "./support/dispatches";
import { type ExperimentHandle, experiment, startExperiment } from "./support/experiments";
import { createLaboratory, quietRuntime } from "./support/laboratory";

quietRuntime();
let server: TemporalServer;

beforeAll(async () => {
  server = await startTemporal();
});
afterAll(() => server.stop());

const reset = (bench: Bench, workflowId: string, ...where: string[]) =>
  bench.cli(server, "workflow", "reset", "--workflow-id", workflowId, ...where, "--reason", "again");

describe("trials that somebody closes or resets", () => {
  test("one begun anew asks for nothing beyond the end of each leg", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "reset-behind-rungs";
    const subject = `${run}/trial-0`;
    const hold = bench.hold(subject, 70);
    const asha = { grace_steps: 25, reduction_factor: 2 };
    const search = { num_trials: 1, pruner: "asha" as const, asha };
    await open(async () => {
      const handle = await startExperiment(server, run, experiment(search));
      await bench.reached(hold);
      await reset(bench, subject, "--type", "FirstWorkflowTask");
      await bench.until(() => dispatchesOf(bench, subject).length > 3, "the trial is dispatched again");
      bench.releaseAll();
      return handle.result();
    });
    const prepared = records.calls.filter(({ name }) => name === "dispatch.prepare");
    const steps = prepared
      .map(({ input }) => input as { subject: string; maxStep?: number })
      .flatMap((input) => (input.subject === subject ? [input.maxStep] : []));
    expect(steps).toEqual([25, 50, 100, 25, 50, 100]);
    expect(records.endStates(run)).toEqual(["completed"]);
  });

  test("one reset after its end ends again, trained and recorded no second time", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "reset-after-its-end";
    const subject = `${run}/trial-0`;
    await open(async () => {
      await (await startExperiment(server, run, experiment({ num_trials: 2 }))).result();
      const outcomes = structuredClone(records.ofRun(run));
      await reset(bench, subject, "--type", "FirstWorkflowTask");
      const again = server.client.workflow.getHandle(subject).result();
      await expect(again).rejects.toMatchObject({
        cause: { type: "Cancelled", message: expect.stringContaining("has ended (completed)") },
      });
      expect(records.ofRun(run)).toEqual(outcomes);
    });
    expect(dispatchesOf(bench, subject)).toHaveLength(1);
    expect(bench.seatsTaken).toBe(0);
  });

  test("an experiment reset to before a trial was started takes the end that is on record of it", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "reset-before-a-trial";
    const search = { num_trials: 2, wave_size: 2, deterministic: true, max_concurrent_trials: 1 };
    await open(async () => {
      const handle = await startExperiment(server, run, experiment(search), { reconcileSeconds: 1 });
      await handle.result();
      const outcomes = structuredClone(records.ofRun(run));
      const where = ["--event-id", String(await taskAfterFirstTrial(handle)), "--reapply-exclude", "All"];
      await reset(bench, run, ...where);
      const result = await server.client.workflow.getHandle<typeof experimentWorkflow>(run).result();
      expect(result.trials).toMatchObject({ completed: 2, failed: 0 });
      expect(records.ofRun(run)).toEqual(outcomes);
    });
    for (const trial of [0, 1]) expect(dispatchesOf(bench, `${run}/trial-${trial}`)).toHaveLength(1);
  });

  test("one that is terminated is closed with what it had used and left behind", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "terminated-behind-a-rung";
    const subject = `${run}/trial-0`;
    const hold = bench.hold(subject, 40);
    const search = { num_trials: 1, pruner: "asha" as const, asha: { grace_steps: 25, reduction_factor: 2 } };
    const [status, row] = await open(async () => {
      const handle = await startExperiment(server, run, experiment(search));
      await bench.reached(hold);
      await bench.cli(server, "workflow", "terminate", "--workflow-id", subject);
      await handle.result().catch(() => undefined);
      const shown = handle.query<{ step: number }[]>("trials").then(([first]) => first);
      return Promise.all([handle.query<{ gpuSeconds: number }>("status"), shown]);
    });
    const known = { state: "failed", step: 25, gpuSeconds: 2.5, checkpoint: { step: 25 } };
    expect(records.ofRun(run)[0]?.outcome).toMatchObject(known);
    expect(status.gpuSeconds).toBe(2.5);
    expect(row?.step).toBe(25);
  });
});

/** The task that came when the first trial had been started: the second was open and waited for its turn. */
async function taskAfterFirstTrial(handle: ExperimentHandle): Promise<number> {
  const { events } = await handle.fetchHistory();
  const started = (events ?? []).findIndex((event) => event.childWorkflowExecutionStartedEventAttributes);
  const task = events?.slice(started).find((event) => event.workflowTaskCompletedEventAttributes);
  return Number(task?.eventId);
}
