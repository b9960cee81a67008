import { ApplicationFailure, type WorkflowFailedError } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ExperimentResult, type StageOutputs } from "../../workflows/contracts";
import { startTemporal, type TemporalServer } from "../support/temporal";
import { experiment, startExperiment } from "./support/experiments";
import { createLaboratory, quietRuntime } from "./support/laboratory";

quietRuntime();
let server: TemporalServer;

beforeAll(async () => {
  server = await startTemporal();
});
afterAll(() => server.stop());

const failureOf = async (result: Promise<unknown>): Promise<ApplicationFailure> => {
  const error = await result.then(
    () => undefined,
    (reason: WorkflowFailedError) => reason,
  );
  expect(error?.cause).toBeInstanceOf(ApplicationFailure);
  return error?.cause as ApplicationFailure;
};

describe("what goes wrong", () => {
  test("one failed and one diverged trial do not fail the experiment", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "some-fail";
    bench.plan(`${run}/trial-0`, "fail", 40);
    bench.plan(`${run}/trial-1`, "diverge", 40);
    const result = await open(async () =>
      (await startExperiment(server, run, experiment({ num_trials: 4 }))).result(),
    );
    expect(bench.fired).toHaveLength(2);
    expect(bench.seatsTaken).toBe(0);
    expect(records.endStates(run)).toEqual(["failed", "diverged", "completed", "completed"]);
    expect(records.ofRun(run)[0]?.outcome?.error).toEqual({
      type: "ModelUnavailable",
      message: "cannot be trained",
    });
    expect(result).toMatchObject({
      state: "completed",
      best: { trial: 2 },
      trials: { failed: 1, diverged: 1, completed: 2 },
    });
  });

  test("when all fail the run fails plainly, with its report", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "all-fail";
    for (const trial of [0, 1]) bench.plan(`${run}/trial-${trial}`, "diverge", 5);
    const failure = await open(async () =>
      failureOf((await startExperiment(server, run, experiment({ num_trials: 2 }))).result()),
    );
    expect(failure).toMatchObject({ type: "NoTrialCompleted", message: "no trial completed: all failed" });
    const result = ExperimentResult.parse(failure.details?.[0]);
    expect(result).toMatchObject({
      state: "failed",
      best: null,
      trials: { diverged: 2 },
      reproducibility: { passed: false },
    });
    expect(result.artifacts.report.uri).toContain("report.html");
    expect(records.lastOf(run)).toMatchObject({ state: "failed", error: { type: "NoTrialCompleted" } });
    expect(records.count("artifact.publish")).toBe(0);
  });

  test("when even the base cannot be scored, the reason is still that no trial completed", async () => {
    const { bench, open } = await createLaboratory(server);
    bench.plan("no-base/trial-0", "diverge", 5);
    bench.stageFailures.set(
      "eval.run",
      ApplicationFailure.nonRetryable("no such weights", "ModelUnavailable"),
    );
    const failure = await open(async () =>
      failureOf((await startExperiment(server, "no-base", experiment({ num_trials: 1 }))).result()),
    );
    expect(failure.type).toBe("NoTrialCompleted");
    expect(failure.details?.[0]).toMatchObject({ base: { metrics: {} } });
  });

  test.each([
    // The first evaluation is the trial's own.
    [2, "the base could not be scored on test rows: no such weights"],
    [3, "trial 0 could not be scored on test rows: no such weights"],
  ])(
    "evaluation %i failing fails the run, which still has its adapter and its report",
    async (nth, message) => {
      const { records, bench, open } = await createLaboratory(server);
      const run = `no-score-${nth}`;
      bench.failNth("eval.run", nth, ApplicationFailure.nonRetryable("no such weights", "ModelUnavailable"));
      const failure = await open(async () =>
        failureOf((await startExperiment(server, run, experiment({ num_trials: 1 }))).result()),
      );
      expect(failure).toMatchObject({ type: "ModelUnavailable", message });
      const result = ExperimentResult.parse(failure.details?.[0]);
      expect(result).toMatchObject({ state: "failed", comparison: null });
      expect(result.artifacts.adapter).not.toBeNull();
      expect(result.artifacts.report.uri).toContain("report.html");
      expect(result.warnings).toContain(message);
      expect(records.lastOf(run)).toMatchObject({ state: "failed", error: { type: "ModelUnavailable" } });
    },
  );

  test("scores that cannot be compared are told, and fail nothing", async () => {
    const { bench, open } = await createLaboratory(server);
    bench.stageFailures.set("eval.compare", ApplicationFailure.nonRetryable("no such metric", "InvalidSpec"));
    const result = await open(async () =>
      (await startExperiment(server, "no-gain", experiment({ num_trials: 1 }))).result(),
    );
    expect(result).toMatchObject({ state: "completed", comparison: null, reproducibility: { passed: true } });
    expect(result.warnings).toContain("base and winner were not compared: no such metric");
  });

  test("outputs that cannot be copied to export_dir fail the run, which still has its report", async () => {
    const { records, bench, open } = await createLaboratory(server);
    bench.exportProblem = { type: "DiskFull", message: "output.export_dir: no space left" };
    bench.stageFailures.set("merge.run", ApplicationFailure.nonRetryable("4-bit weights", "Unsupported"));
    const spec = experiment({ num_trials: 1 }, { output: { merge: "best" } });
    const failure = await open(async () =>
      failureOf((await startExperiment(server, "no-export", spec)).result()),
    );
    // The first problem is the run's; the report tells of both.
    expect(failure).toMatchObject({ type: "Unsupported", message: "output.merge: 4-bit weights" });
    const result = ExperimentResult.parse(failure.details?.[0]);
    expect(result.artifacts.report.uri).toContain("report.html");
    const told = ["output.merge: 4-bit weights", "output.export_dir: no space left"];
    expect(result.warnings).toEqual(expect.arrayContaining(told));
    const rendered = records.calls.find(({ name }) => name === "report.render")?.input;
    expect((rendered as { stages: StageOutputs }).stages.warnings).toEqual(told);
    expect(records.lastOf("no-export")).toMatchObject({ state: "failed", error: { type: "Unsupported" } });
  });

  test("what a spec lets depend on time is said beside its promise", async () => {
    const { records, open } = await createLaboratory(server);
    const spec = experiment({ num_trials: 1, deterministic: true, stop: { gpu_hours: 1 } });
    const result = await open(async () => (await startExperiment(server, "timed", spec)).result());
    const warning = expect.stringMatching(/^search\.stop\.gpu_hours goes by measured time/);
    expect(result.warnings).toContainEqual(warning);
    const rendered = records.calls.find(({ name }) => name === "report.render")?.input;
    expect((rendered as { stages: StageOutputs }).stages.warnings).toEqual([warning]);
  });

  test("a search that ends early says why", async () => {
    const { open } = await createLaboratory(server);
    const spec = experiment({ num_trials: 9, max_concurrent_trials: 1, stop: { patience: 2 } });
    const result = await open(async () => (await startExperiment(server, "patient", spec)).result());
    expect(result.trials.completed).toBe(3);
    expect(result.warnings).toContain(
      "the search ended after 3 of 9 trials: 2 trials brought no improvement",
    );
  });

  test("a merge that fails fails the run, which still has its adapter and its report", async () => {
    const { records, bench, open } = await createLaboratory(server);
    bench.stageFailures.set("merge.run", ApplicationFailure.nonRetryable("4-bit weights", "Unsupported"));
    const failure = await open(async () => {
      const spec = experiment({ num_trials: 1 }, { output: { merge: "best" } });
      return failureOf((await startExperiment(server, "no-merge", spec)).result());
    });
    expect(failure).toMatchObject({ type: "Unsupported", message: "output.merge: 4-bit weights" });
    const result = ExperimentResult.parse(failure.details?.[0]);
    expect(result).toMatchObject({ state: "failed", best: { trial: 0 }, reproducibility: { passed: true } });
    expect(result.artifacts.adapter).not.toBeNull();
    expect(records.lastOf("no-merge")).toMatchObject({ state: "failed", error: { type: "Unsupported" } });
  });

  test.each([
    ["spec.resolve", "InvalidSpec"],
    ["dataset.analyze", "InvalidDataset"],
    ["config.buildSearchSpace", "DoesNotFit"],
    ["config.buildSearchSpace", "ModelUnavailable"],
  ])("%s refusing as %s fails the workflow with that type and message", async (stage, type) => {
    const { records, bench, open } = await createLaboratory(server);
    const run = `refused-${type}`;
    bench.stageFailures.set(stage, ApplicationFailure.nonRetryable("why, where, what instead", type));
    const failure = await open(async () =>
      failureOf((await startExperiment(server, run, experiment())).result()),
    );
    expect(failure).toMatchObject({ type, message: "why, where, what instead" });
    expect(records.lastOf(run)).toMatchObject({
      state: "failed",
      error: { type, message: "why, where, what instead" },
    });
    expect(records.ofRun(run)).toEqual([]);
  });

  test("a place that does not exist is refused before any data is read", async () => {
    const { records, open } = await createLaboratory(server);
    const spec = { ...experiment(), placement: { backend: "ssh" as const } };
    const failure = await open(async () =>
      failureOf((await startExperiment(server, "refused-early", spec)).result()),
    );
    expect(failure.type).toBe("Unsupported");
    expect(failure.message).toMatch(/placement\.backend: ssh .* accepted: queue/);
    expect(records.count("dataset.analyze")).toBe(0);
  });

  test("Postgres away at the very start: retried, and then said", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "no-postgres";
    const failure = ApplicationFailure.create({
      type: "StorageUnavailable",
      message: "PostgreSQL does not answer",
      // Instead of the policy's waits, a minute in all.
      nextRetryDelay: "10ms",
    });
    bench.stageFailures.set("run.record", failure);
    const seen = await open(async () =>
      failureOf((await startExperiment(server, run, experiment())).result()),
    );
    expect(seen).toMatchObject({ type: "StorageUnavailable", message: "PostgreSQL does not answer" });
    expect(records.count("run.record")).toBe(9);
    expect(records.count("spec.resolve")).toBe(0);
  });

  test.each([
    [
      "completed",
      "StorageUnavailable",
      /the run completed, but its end could not be recorded: Postgres is gone/,
    ],
    ["failed", "NoTrialCompleted", /no trial completed/],
  ])(
    "a run that %s ends also when its end cannot be recorded, with its result",
    async (state, type, message) => {
      const { records, bench, open } = await createLaboratory(server);
      const run = `unrecorded-${state}`;
      if (state === "failed") bench.plan(`${run}/trial-0`, "diverge", 5);
      const report = bench.holdStage("report.render");
      const failure = await open(async () => {
        const handle = await startExperiment(server, run, experiment({ num_trials: 1 }));
        await bench.reached(report);
        const gone = ApplicationFailure.nonRetryable("Postgres is gone", "StorageUnavailable");
        bench.stageFailures.set("run.record", gone);
        bench.releaseAll();
        return failureOf(handle.result());
      });
      expect(failure).toMatchObject({ type, message: expect.stringMatching(message) });
      expect(ExperimentResult.parse(failure.details?.[0])).toMatchObject({ state });
      expect([...records.trace.values()].at(-1)?.data).toMatchObject({ to: state });
    },
  );

  test("a run that is cancelled closes as cancelled also when that cannot be recorded", async () => {
    const { bench, open } = await createLaboratory(server);
    const run = "unrecorded-cancel";
    const hold = bench.hold(`${run}/trial-0`, 50);
    await open(async () => {
      const handle = await startExperiment(server, run, experiment({ num_trials: 1 }));
      await bench.reached(hold);
      const gone = ApplicationFailure.nonRetryable("Postgres is gone", "StorageUnavailable");
      bench.stageFailures.set("run.record", gone);
      await handle.executeUpdate("cancel");
      await handle.result().catch(() => undefined);
      expect((await handle.describe()).status.name).toBe("CANCELLED");
    });
  });

  test("a sampler that fails ends the run, and its open trials with it", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "no-sampler";
    const hold = bench.hold(`${run}/trial-0`, 50);
    const failure = await open(async () => {
      const spec = experiment({ num_trials: 4, max_concurrent_trials: 1 });
      bench.failNth("hpo.ask", 2, ApplicationFailure.nonRetryable("no model", "Internal"));
      const handle = await startExperiment(server, run, spec);
      await bench.reached(hold);
      await handle.executeUpdate("setMaxConcurrentTrials", { args: [{ maxConcurrentTrials: 2 }] });
      return failureOf(handle.result());
    });
    expect(failure).toMatchObject({ type: "Internal", message: "no model" });
    expect(records.endStates(run)).toEqual(["cancelled"]);
  });
});
