import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTemporal, type TemporalServer } from "../support/temporal";
import { artifact } from "./support/artifacts";
import { dispatchesOf } from "./support/dispatches";
import { experiment, startExperiment } from "./support/experiments";
import { createLaboratory, quietRuntime } from "./support/laboratory";

quietRuntime();
let server: TemporalServer;

beforeAll(async () => {
  server = await startTemporal();
});
afterAll(() => server.stop());

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
