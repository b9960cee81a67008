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
