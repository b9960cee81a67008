import { ApplicationFailure, type WorkflowFailedError } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ExperimentResult,
  type RunRecord,
  type StageOutputs,
  type TrialRow,
} from "../../workflows/contracts";
import { startTemporal, type TemporalServer } from "../support/temporal";
import { artifact } from "./support/artifacts";
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

const statesOf = (records: RunRecord[] | undefined) => [...new Set(records?.map((record) => record.state))];

describe("a search that nothing disturbs", () => {
  test("runs every stage in order, records it, and answers with its result", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "normal";
    const result = await open(async () => {
      const spec = experiment(
        { num_trials: 6, max_concurrent_trials: 3 },
        { output: { merge: "best", push_to_hub: "me/it" } },
      );
      const handle = await startExperiment(server, run, spec);
      const answer = await handle.result();
      const { raw } = await handle.describe();
      const attribute = (name: string) =>
        raw.workflowExecutionInfo?.searchAttributes?.indexedFields?.[name]?.data?.toString();
      expect(attribute("BelayExperiment")).toBe('"normal"');
      expect(attribute("BelayState")).toBe('"completed"');
      expect(Number(attribute("BelayObjective"))).toBeCloseTo(answer.best?.metrics.eval_loss ?? 0);
      return answer;
    });
    expect(ExperimentResult.parse(result)).toEqual(result);
    expect(result).toMatchObject({
      run,
      state: "completed",
      trials: { completed: 6, pruned: 0, diverged: 0, failed: 0, cancelled: 0 },
      base: { metrics: { eval_loss: 4 } },
      best: { trial: 0, params: { learning_rate: 0.01 } },
      reproducibility: { level: "L2", passed: true },
    });
    expect(result.artifacts.adapter?.uri).toContain("adapter");
    expect(result.artifacts.merged?.uri).toContain("merged");
    const published = records.calls.find(({ name }) => name === "artifact.publish")?.input;
    expect((published as { stages: StageOutputs }).stages.merge?.files).toEqual([
      { path: "model.safetensors", ref: artifact("merged") },
      { path: "tokenizer_config.json", ref: artifact("tokenizer with chat template") },
    ]);
    expect(records.endStates(run)).toEqual(Array(6).fill("completed"));
    expect(records.ordinals(run)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(records.mirrored.sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(bench.mostAtOnce).toBeLessThanOrEqual(3);
    expect(bench.seatsTaken).toBe(0);

    const stages = [
      "spec.resolve",
      "dataset.analyze",
      "config.buildSearchSpace",
      "hpo.ask",
      "hpo.selectBest",
    ];
    const last = [
      "eval.compare",
      "artifact.publish",
      "manifest.write",
      "reproducibility.hashes",
      "report.render",
    ];
    const order = [...stages, ...last].map((name) => records.calls.findIndex((call) => call.name === name));
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order[0]).toBeGreaterThanOrEqual(0);

    expect(statesOf(records.runs.get(run))).toEqual(["created", "running", "finalizing", "completed"]);
    expect(records.lastOf(run)).toMatchObject({
      state: "completed",
      best: { trial: 0 },
      result: { state: "completed" },
    });
  });

  test("every source numbers its events without a gap, and every transition is one", async () => {
    const { records, open } = await createLaboratory(server);
    const run = "traced";
    await open(async () => (await startExperiment(server, run, experiment({ num_trials: 3 }))).result());
    const events = [...records.trace.values()].filter((event) => event.run === run);
    const sources = [...new Set(events.map((event) => event.source))];
    expect(sources.filter((source) => source.startsWith(`${run}@`))).toHaveLength(1);
    expect(sources.filter((source) => source.includes("/trial-"))).toHaveLength(3);
    for (const source of sources) {
      const numbers = events.filter((event) => event.source === source).map((event) => event.seq);
      expect(numbers.sort((a, b) => a - b)).toEqual(numbers.map((_, index) => index));
    }
    const moves = (subject: string | null, kind: string) =>
      events
        .filter((event) => event.kind === kind && event.subject === subject)
        .map((event) => event.data.to);
    expect(moves(null, "run.state")).toEqual(["running", "finalizing", "completed"]);
    expect(moves(`${run}/trial-1`, "trial.state")).toEqual(["running", "evaluating", "storing", "completed"]);
  });

  test("a trial trains and is evaluated on one seat, and says who it is", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "seat";
    await open(async () => {
      await (await startExperiment(server, run, experiment({ num_trials: 2 }))).result();
      const trial = server.client.workflow.getHandle(`${run}/trial-1`);
      const { events } = await trial.fetchHistory();
      const activities = events?.flatMap(
        (event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? [],
      );
      expect(activities).toEqual(["gpu.acquireSeat", "training.run", "eval.run", "artifact.store"]);
      const { raw } = await trial.describe();
      const fields = raw.workflowExecutionInfo?.searchAttributes?.indexedFields ?? {};
      const read = (name: string) => fields[name]?.data?.toString();
      expect([read("BelayExperiment"), read("BelayTrial"), read("BelayState")]).toEqual([
        `"${run}"`,
        "1",
        '"completed"',
      ]);
      const value = records.ofRun(run)[1]?.outcome?.value;
      expect(value).toBeGreaterThan(0);
      expect(Number(read("BelayObjective"))).toBe(value);
    });
    const trials = bench.started.filter((start) => start.subject.includes("/trial-"));
    expect(trials.map((start) => start.epoch)).toEqual([1, 1]);
    expect(records.endStates(run)).toEqual(["completed", "completed"]);
  });

  test("replicates rerun the best three with new seeds before the winner is named", async () => {
    const { records, open } = await createLaboratory(server);
    const run = "replicates";
    const result = await open(async () =>
      (await startExperiment(server, run, experiment({ num_trials: 5, replicates: 2 }))).result(),
    );
    const reruns = records.ofRun(run).filter((row) => row.replicateOf !== null);
    expect(reruns.map((row) => [row.trial, row.replicateOf, row.outcome?.state, row.ordinal])).toEqual([
      [5, 0, "completed", null],
      [6, 1, "completed", null],
      [7, 2, "completed", null],
    ]);
    expect(new Set(reruns.map((row) => row.seed))).toEqual(new Set([(42 + 1_000_003) % 2 ** 31]));
    const selected = records.calls.findIndex((call) => call.name === "hpo.selectBest");
    const lastStored = records.calls.map((call) => call.name).lastIndexOf("artifact.store");
    expect(selected).toBeGreaterThan(lastStored);
    expect(result.best?.trial).toBe(0);
  });

  test("a trial says of itself whether a model of the search proposed it", async () => {
    const { open } = await createLaboratory(server);
    const run = "proposed";
    const rows = await open(async () => {
      const search = { num_trials: 2, max_concurrent_trials: 1 };
      await (await startExperiment(server, run, experiment(search))).result();
      const trials = [0, 1].map((trial) => server.client.workflow.getHandle(`${run}/trial-${trial}`));
      return Promise.all(trials.map((trial) => trial.query<TrialRow>("status")));
    });
    expect(rows.map(({ modelBased }) => modelBased)).toEqual([false, true]);
  });

  test("in deterministic mode asks in waves and promises bits", async () => {
    const { records, open } = await createLaboratory(server);
    const run = "waves";
    const search = { num_trials: 6, max_concurrent_trials: 2, wave_size: 4, deterministic: true };
    const result = await open(async () => {
      const spec = experiment(search, { train: { max_steps: 100, full_determinism: true } });
      return (await startExperiment(server, run, spec)).result();
    });
    const asks = records.calls.filter((call) => call.name === "hpo.ask").map((call) => call.input);
    expect(asks).toMatchObject([
      { trials: [0, 1, 2, 3], tellCount: 0, pending: [] },
      { trials: [4, 5], tellCount: 4, pending: [] },
    ]);
    expect(records.ofRun(run).map((row) => row.ordinal)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(result.reproducibility).toMatchObject({ level: "L3", passed: true });
  });
});

describe("pruning", () => {
  const pruned = { pruner: "asha" as const, asha: { grace_steps: 25, reduction_factor: 2 } };

  test("synchronous: 8, 4, 2 and no one holds a seat while waiting", async () => {
    const { records, bench, open } = await createLaboratory(server, 2);
    const run = "halving";
    const search = { num_trials: 8, wave_size: 8, max_concurrent_trials: 8, deterministic: true, ...pruned };
    await open(async () => (await startExperiment(server, run, experiment(search))).result());
    // Earlier trials have better rates; two rungs, at 25 and 50. Two seats serve eight trials.
    expect(records.endStates(run)).toEqual(["completed", "completed", ...Array(6).fill("pruned")]);
    expect(records.rungs.map((record) => record.ordinal)).toEqual(records.rungs.map((_, index) => index));
    const kept = (rung: number) =>
      records.rungs
        .filter((r) => r.report.rung === rung && r.verdict === "continue")
        .map((r) => r.report.trial);
    expect(kept(0)).toEqual([0, 1, 2, 3]);
    expect(kept(1)).toEqual([0, 1]);
    expect(bench.mostAtOnce).toBeLessThanOrEqual(2);
    // Each leg went on from where the one before had stopped.
    const legs = bench.started.filter((start) => start.subject === `${run}/trial-0`);
    expect(legs.map((leg) => leg.fromStep)).toEqual([0, 25, 50]);
    expect(legs.map((leg) => leg.epoch)).toEqual([1, 2, 3]);
  });

  test("a pruned trial keeps its value and checkpoint, and no adapter is stored", async () => {
    const { records, open } = await createLaboratory(server);
    const run = "kept";
    const search = { num_trials: 2, wave_size: 2, deterministic: true, ...pruned };
    await open(async () => (await startExperiment(server, run, experiment(search))).result());
    const lost = records.ofRun(run)[1]?.outcome;
    expect(lost).toMatchObject({ state: "pruned", step: 25, value: expect.any(Number), adapter: null });
    expect(lost?.checkpoint?.step).toBe(25);
    expect(records.count("artifact.store")).toBe(1);
  });

  test("asynchronous: judged at once, against what was seen before", async () => {
    const { records, open } = await createLaboratory(server);
    const run = "asha";
    const search = { num_trials: 9, max_concurrent_trials: 1, ...pruned };
    await open(async () => (await startExperiment(server, run, experiment(search))).result());
    // One at a time and worse and worse: only the first ever leads.
    expect(records.endStates(run)).toEqual(["completed", ...Array(8).fill("pruned")]);
    const verdicts = records.rungs.map((r) => [r.report.trial, r.report.rung, r.verdict, r.seen]);
    expect(verdicts.slice(0, 3)).toEqual([
      [0, 0, "continue", 0],
      [0, 1, "continue", 1],
      [1, 0, "prune", 2],
    ]);
  });
});

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

  test("what went otherwise than asked for is in the result and handed to the report", async () => {
    const { records, bench, open } = await createLaboratory(server);
    bench.stageFailures.set("hub.push", ApplicationFailure.nonRetryable("no token", "Unsupported"));
    const result = await open(async () => {
      const spec = experiment({ num_trials: 1 }, { output: { push_to_hub: "me/it" } });
      return (await startExperiment(server, "warned", spec)).result();
    });
    const warning = "not uploaded to me/it: no token";
    expect(result).toMatchObject({ split: "test", warnings: ["3 rows were truncated", warning] });
    const rendered = records.calls.find((call) => call.name === "report.render")?.input;
    expect(rendered).toMatchObject({ stages: { warnings: [warning] } });
  });

  test("a mirror that fails never fails the run", async () => {
    const { bench, open } = await createLaboratory(server);
    bench.stageFailures.set("hpo.tell", ApplicationFailure.nonRetryable("no such table", "Internal"));
    const result = await open(async () =>
      (await startExperiment(server, "no-mirror", experiment({ num_trials: 2 }))).result(),
    );
    expect(result.state).toBe("completed");
  });

  test("a verification that does not pass leaves the run completed, and says so", async () => {
    const { bench, open } = await createLaboratory(server);
    bench.saltAfter("artifact.store", "other bits");
    const spec = experiment(
      { num_trials: 2, deterministic: true },
      { train: { max_steps: 50, full_determinism: true } },
    );
    const result = await open(async () => (await startExperiment(server, "no-bits", spec)).result());
    expect(result).toMatchObject({ state: "completed", reproducibility: { level: "L2", passed: false } });
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
