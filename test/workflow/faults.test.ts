import { ApplicationFailure } from "@temporalio/common";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TaskQueues, type TrialInput, type TrialOutcome, WorkflowTypes } from "../../workflows/contracts";
import type { experimentWorkflow } from "../../workflows/lora/experiment.workflow";
import { startTemporal, type TemporalServer } from "../support/temporal";
import { artifact } from "./support/artifacts";
import type { Bench } from "./support/bench";
import { experiment, startExperiment } from "./support/experiments";
import { createLaboratory, quietRuntime } from "./support/laboratory";

quietRuntime();
let server: TemporalServer;

beforeAll(async () => {
  server = await startTemporal();
});
afterAll(() => server.stop());

const dispatchesOf = (bench: Bench, subject: string) =>
  bench.started.filter((start) => start.subject === subject);

describe("engines that die", () => {
  test("a trainer that crashes costs its trial nothing but the steps since its checkpoint", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "crash";
    const subject = `${run}/trial-0`;
    bench.plan(subject, "crash", 57, 2);
    const result = await open(async () =>
      (await startExperiment(server, run, experiment({ num_trials: 2 }))).result(),
    );
    expect(bench.fired).toEqual([`crash ${subject} at 57`, `crash ${subject} at 57`]);
    expect(result.trials).toMatchObject({ completed: 2, failed: 0 });
    expect(dispatchesOf(bench, subject)).toMatchObject([
      { epoch: 1, fromStep: 0, exclusive: false },
      { epoch: 2, fromStep: 50, exclusive: false },
      // On board of two crashes: now it must prove itself alone.
      { epoch: 3, fromStep: 50, exclusive: true },
    ]);
    expect(records.endStates(run)).toEqual(["completed", "completed"]);
    const lost = [...records.trace.values()].filter((event) => event.kind === "job.lost");
    expect(lost.map((event) => [event.subject, event.data.crashes])).toEqual([
      [subject, 1],
      [subject, 2],
    ]);
  });

  test("a trial that brings down every engine fails alone, and the other seven complete", async () => {
    const { records, bench, open } = await createLaboratory(server, 8);
    const run = "poison";
    const subject = `${run}/trial-3`;
    bench.plan(subject, "crash", 30, 99);
    const result = await open(async () =>
      (await startExperiment(server, run, experiment({ num_trials: 8 }))).result(),
    );
    expect(bench.fired).toHaveLength(3);
    expect(result.trials).toMatchObject({ completed: 7, failed: 1 });
    // No leg of it has returned: the checkpoint is the one that the first engine's worker told of.
    expect(records.ofRun(run)[3]?.outcome).toMatchObject({
      state: "failed",
      step: 30,
      checkpoint: { step: 30, epoch: 1 },
      adapterSha256: null,
      error: { type: "CrashesEngine" },
    });
    expect(records.ofRun(run)[2]?.outcome?.initSha256).toBe(artifact(`before ${run}/trial-2`).sha256);
    expect(dispatchesOf(bench, subject).map((start) => start.exclusive)).toEqual([false, false, true]);
  });

  test("a trial that gets further between crashes is none of their cause, however many there are", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "unrelated";
    const subject = `${run}/trial-0`;
    const steps = [15, 25, 35, 45, 65];
    for (const step of steps) bench.plan(subject, step === 35 ? "freeze" : "crash", step);
    const result = await open(async () =>
      (await startExperiment(server, run, experiment({ num_trials: 1 }))).result(),
    );
    expect(bench.fired).toHaveLength(steps.length);
    expect(result.trials).toMatchObject({ completed: 1, failed: 0 });
    const starts = dispatchesOf(bench, subject);
    expect(starts.map(({ fromStep }) => fromStep)).toEqual([0, 10, 20, 30, 40, 60]);
    expect(starts.some(({ exclusive }) => exclusive)).toBe(false);
    const lost = [...records.trace.values()].filter((event) => event.kind === "job.lost");
    expect(lost.map((event) => event.data.crashes)).toEqual([1, 1, 0, 1, 1]);
    // Four crashes of half a second, 15 steps on the silent engine, the last 40 steps, the evaluation.
    expect(records.ofRun(run)[0]?.outcome?.gpuSeconds).toBeCloseTo(4 * 0.5 + 1.5 + 4 + 1);
  });

  test("its progress is not measured by checkpoints of an earlier run that lie beyond its rung", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "anew";
    const subject = `${run}/trial-0`;
    records.checkpoints.set(subject, [{ manifest: artifact(`${subject}/90/0.001`), step: 90, epoch: 0 }]);
    for (const step of [15, 25, 35]) bench.plan(subject, "crash", step);
    const search = { num_trials: 1, pruner: "asha", asha: { grace_steps: 50 } } as const;
    const result = await open(async () => (await startExperiment(server, run, experiment(search))).result());
    expect(bench.fired).toHaveLength(3);
    expect(result.trials).toMatchObject({ completed: 1, failed: 0 });
    expect(dispatchesOf(bench, subject).map(({ fromStep }) => fromStep)).toEqual([0, 10, 20, 30, 90]);
  });

  test("a machine that falls silent is noticed, and its trials go on elsewhere", async () => {
    const { records, bench, open } = await createLaboratory(server, 8);
    const run = "silence";
    const subject = `${run}/trial-0`;
    bench.plan(subject, "freeze", 44);
    const result = await open(async () =>
      (await startExperiment(server, run, experiment({ num_trials: 3 }))).result(),
    );
    expect(bench.fired).toEqual([`freeze ${subject} at 44`]);
    expect(result.trials).toMatchObject({ completed: 3 });
    const [first, second] = dispatchesOf(bench, subject);
    expect(second?.engine).not.toBe(first?.engine);
    expect(second?.fromStep).toBe(40);
    expect(records.endStates(run)).toEqual(["completed", "completed", "completed"]);
  });

  test("a store that is away for a moment is tried again, without a crash on record", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "storage";
    bench.plan(`${run}/trial-0`, "storage", 30, 2);
    const result = await open(async () =>
      (await startExperiment(server, run, experiment({ num_trials: 1 }))).result(),
    );
    expect(bench.fired).toHaveLength(2);
    expect(result.trials.completed).toBe(1);
    const kinds = [...records.trace.values()].map((event) => event.kind);
    expect(kinds.filter((kind) => kind === "job.retried")).toHaveLength(2);
    expect(kinds).not.toContain("job.lost");
    // What the two attempts had used counts as well as the last one, from the step it went on from, and the evaluation.
    const from = dispatchesOf(bench, `${run}/trial-0`).at(-1)?.fromStep ?? Number.NaN;
    expect(records.ofRun(run)[0]?.outcome?.gpuSeconds).toBeCloseTo(2 * 0.25 + (100 - from) / 10 + 1);
  });
});

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
      await bench.cli(
        server,
        "workflow",
        "reset",
        "--workflow-id",
        subject,
        "--type",
        "FirstWorkflowTask",
        "--reason",
        "again",
      );
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
      await bench.cli(
        server,
        "workflow",
        "reset",
        "--workflow-id",
        subject,
        "--type",
        "FirstWorkflowTask",
        "--reason",
        "again",
      );
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
      await bench.cli(
        server,
        "workflow",
        "reset",
        "--workflow-id",
        run,
        "--type",
        "LastWorkflowTask",
        "--reason",
        "it was needed",
      );
      return server.client.workflow.getHandle<typeof experimentWorkflow>(run).result();
    });
    expect(result.trials).toMatchObject({ completed: 1, cancelled: 2 });
    expect(records.endStates(run)).toEqual(["cancelled", "cancelled", "completed"]);
  });
});
