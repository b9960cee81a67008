import { ApplicationFailure } from "@temporalio/common";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TaskQueues, type TrialInput, type TrialOutcome, WorkflowTypes } from "../../workflows/contracts";
import type { experimentWorkflow } from "../../workflows/lora/experiment.workflow";
import { startTemporal, type TemporalServer } from "../support/temporal";
import type { Bench } from "./support/bench";
import { dispatchesOf } from "./support/dispatches";
import { experiment, startExperiment } from "./support/experiments";
import { createLaboratory, quietRuntime } from "./support/laboratory";

quietRuntime();
let server: TemporalServer;

beforeAll(async () => {
  server = await startTemporal();
});
afterAll(() => server.stop());

const reset = (bench: Bench, workflowId: string, to: "FirstWorkflowTask" | "LastWorkflowTask") =>
  bench.cli(server, "workflow", "reset", "--workflow-id", workflowId, "--type", to, "--reason", "again");

describe("trials that are dealt with from a shell", () => {
  test("a terminated trial is closed as failed, at once, and the search goes on", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "terminated";
    const hold = bench.hold(`${run}/trial-1`, 50);
    const result = await open(async () => {
      const handle = await startExperiment(server, run, experiment({ num_trials: 3 }));
      await bench.reached(hold);
      await bench.cli(
        server,
        "workflow",
        "terminate",
        "--workflow-id",
        `${run}/trial-1`,
        "--reason",
        "a person did it",
      );
      return handle.result();
    });
    expect(result.trials).toMatchObject({ completed: 2, failed: 1 });
    expect(records.ofRun(run)[1]?.outcome).toMatchObject({
      state: "failed",
      error: { message: expect.stringContaining("terminated") },
    });
    expect(records.ordinals(run)).toEqual([0, 1, 2]);
  });

  test("a trial cancelled from the UI ends as cancelled, with its checkpoint; the search goes on", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "child-cancelled";
    const hold = bench.hold(`${run}/trial-1`, 50);
    const result = await open(async () => {
      const handle = await startExperiment(server, run, experiment({ num_trials: 3 }));
      await bench.reached(hold);
      await bench.cli(server, "workflow", "cancel", "--workflow-id", `${run}/trial-1`);
      return handle.result();
    });
    expect(result.trials).toMatchObject({ completed: 2, cancelled: 1 });
    const outcome = records.ofRun(run)[1]?.outcome;
    expect(outcome).toMatchObject({ state: "cancelled", step: 50, error: null });
    expect(outcome?.checkpoint?.step).toBe(50);
    const { status } = await server.client.workflow.getHandle(`${run}/trial-1`).describe();
    expect(status.name).toBe("CANCELLED");
  });

  test("a reset trial trains on under a new epoch; it is counted and closed once", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "reset";
    const subject = `${run}/trial-1`;
    const hold = bench.hold(subject, 50);
    const result = await open(async () => {
      const handle = await startExperiment(server, run, experiment({ num_trials: 3 }));
      await bench.reached(hold);
      await reset(bench, subject, "FirstWorkflowTask");
      await bench.until(() => dispatchesOf(bench, subject).length === 2, "the trial is dispatched again");
      bench.releaseAll();
      return handle.result();
    });
    expect(result.trials).toMatchObject({ completed: 3, failed: 0 });
    expect(dispatchesOf(bench, subject)).toMatchObject([{ epoch: 1, fromStep: 0 }, { epoch: 2 }]);
    expect(records.endStates(run)).toEqual(["completed", "completed", "completed"]);
    expect(records.ordinals(run)).toEqual([0, 1, 2]);
    const sources = new Set(
      [...records.trace.values()].filter((e) => e.subject === subject).map((e) => e.source),
    );
    expect([...sources].filter((source) => source.startsWith(subject))).toHaveLength(2);
  });

  test("a trial reset while it waits for its cohort gets the verdict all the same", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "reset-waiting";
    const subject = `${run}/trial-0`;
    const hold = bench.hold(`${run}/trial-1`, 10);
    const search = {
      num_trials: 2,
      wave_size: 2,
      deterministic: true,
      pruner: "asha" as const,
      asha: { grace_steps: 25, reduction_factor: 2 },
    };
    const result = await open(async () => {
      const handle = await startExperiment(server, run, experiment(search));
      await bench.reached(hold);
      const isWaiting = async () =>
        (await handle.query<{ state: string }[]>("trials"))[0]?.state === "waiting";
      await bench.until(isWaiting, "trial 0 waits at its rung");
      await reset(bench, subject, "FirstWorkflowTask");
      await bench.until(() => dispatchesOf(bench, subject).length === 2, "the trial is dispatched again");
      bench.releaseAll();
      return handle.result();
    });
    expect(result.trials).toMatchObject({ completed: 1, pruned: 1 });
    expect(records.endStates(run)).toEqual(["completed", "pruned"]);
    expect(records.rungs.filter((record) => record.report.trial === 0)).toHaveLength(2);
    const reported = [...records.trace.values()].filter(
      ({ kind, subject: of }) => kind === "trial.rung" && of === subject,
    );
    expect(reported.map(({ data }) => data.rung)).toEqual([0, 1]);
  });

  test("a trial whose look for its experiment failed looks again", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "looked-for";
    const subject = `${run}/trial-0`;
    const hold = bench.hold(subject, 20);
    bench.failNth("run.isOpen", 1, ApplicationFailure.nonRetryable("no answer", "Internal"));
    await open(async () => {
      await startExperiment(server, run, experiment({ num_trials: 1 }));
      await bench.reached(hold);
      const trial = server.client.workflow.getHandle(subject);
      const { events } = await trial.fetchHistory();
      const [payload] = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
      const input = JSON.parse(Buffer.from(payload?.data as Uint8Array).toString()) as TrialInput;
      await bench.cli(server, "workflow", "terminate", "--workflow-id", run);
      await bench.cli(server, "workflow", "terminate", "--workflow-id", subject);
      // The same trial, looking every second.
      const again = await server.client.workflow.start(WorkflowTypes.trial, {
        workflowId: subject,
        taskQueue: TaskQueues.kernel,
        args: [{ ...input, orphanCheckSeconds: 1 }],
      });
      const outcome = (await again.result()) as TrialOutcome;
      expect(outcome).toMatchObject({ state: "cancelled", error: { message: "its experiment is gone" } });
    });
    expect(records.count("run.isOpen")).toBe(2);
  });

  test("an experiment that is terminated leaves no trial training and no row open", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "orphans";
    const search = {
      num_trials: 2,
      wave_size: 2,
      deterministic: true,
      pruner: "asha" as const,
      asha: { grace_steps: 25 },
    };
    const holds = [bench.hold(`${run}/trial-0`, 20), bench.hold(`${run}/trial-1`, 20)];
    await open(async () => {
      await startExperiment(server, run, experiment(search));
      for (const hold of holds) await bench.reached(hold);
      await bench.cli(server, "workflow", "terminate", "--workflow-id", run);
      bench.releaseAll();
      await bench.until(() => !records.endStates(run).includes("open"), "both trials have closed their rows");
    });
    expect(records.endStates(run)).toEqual(["cancelled", "cancelled"]);
    expect(records.ofRun(run).map((row) => row.outcome?.error?.message)).toEqual(
      Array(2).fill("its experiment is gone"),
    );
    expect(bench.seatsTaken).toBe(0);
  });

  test("an experiment that is terminated, and reset later, goes on without the trials that ended meanwhile", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "reset-later";
    const search = {
      num_trials: 3,
      wave_size: 2,
      deterministic: true,
      pruner: "asha" as const,
      asha: { grace_steps: 25 },
    };
    const holds = [bench.hold(`${run}/trial-0`, 20), bench.hold(`${run}/trial-1`, 20)];
    const result = await open(async () => {
      await startExperiment(server, run, experiment(search), { reconcileSeconds: 1 });
      for (const hold of holds) await bench.reached(hold);
      await bench.cli(server, "workflow", "terminate", "--workflow-id", run);
      bench.releaseAll();
      await bench.until(() => !records.endStates(run).includes("open"), "both trials have closed their rows");
      await reset(bench, run, "LastWorkflowTask");
      return server.client.workflow.getHandle<typeof experimentWorkflow>(run).result();
    });
    expect(result.trials).toMatchObject({ completed: 1, cancelled: 2 });
    expect(records.endStates(run)).toEqual(["cancelled", "cancelled", "completed"]);
  });
});
