import type { WorkflowExecutionInfo } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTemporal, type TemporalServer } from "../support/temporal";
import { type ExperimentHandle, experiment, startExperiment } from "./support/experiments";
import { createLaboratory, quietRuntime } from "./support/laboratory";

quietRuntime();
let server: TemporalServer;

beforeAll(async () => {
  server = await startTemporal();
});
afterAll(() => server.stop());

/** Executions of one workflow id, oldest first, with their events. */
async function chainOf(run: string) {
  const executions: WorkflowExecutionInfo[] = [];
  for await (const execution of server.client.workflow.list({ query: `WorkflowId = "${run}"` }))
    executions.push(execution);
  executions.sort((a, b) => a.startTime.getTime() - b.startTime.getTime());
  return Promise.all(
    executions.map(async ({ runId, status }) => {
      const { events } = await server.client.workflow.getHandle(run, runId).fetchHistory();
      return { runId, status: status.name, events: events ?? [] };
    }),
  );
}

describe("an experiment that continues as new at 50 events, with trials running", () => {
  const run = "chain";
  const trials = 12;
  let laboratory: Awaited<ReturnType<typeof createLaboratory>>;

  beforeAll(async () => {
    laboratory = await createLaboratory(server);
    const { bench, open } = laboratory;
    // One trial is held through several executions of its parent.
    const hold = bench.hold(`${run}/trial-0`, 50);
    await open(async () => {
      const spec = experiment({
        num_trials: trials,
        max_concurrent_trials: 3,
        pruner: "median",
        median: { grace_steps: 25, min_trials: 30 },
      });
      const handle = await startExperiment(server, run, spec, { maxHistoryLength: 50, reconcileSeconds: 5 });
      await bench.reached(hold);
      await bench.until(async () => {
        const executions = await chainOf(run);
        return executions.length >= 3;
      }, "the experiment has continued twice with trial 0 running");
      bench.releaseAll();
      await handle.result();
    });
  });

  test("did so several times, each time with trials running", async () => {
    const executions = await chainOf(run);
    expect(executions.length).toBeGreaterThanOrEqual(4);
    expect(executions.slice(0, -1).every((execution) => execution.status === "CONTINUED_AS_NEW")).toBe(true);
    const live = [...laboratory.records.trace.values()]
      .filter((e) => e.kind === "run.continued")
      .map((e) => e.data.live);
    expect(live).toHaveLength(executions.length - 1);
    expect(live.some((count) => Number(count) > 0)).toBe(true);
    for (const { events } of executions.slice(0, -1)) expect(events.length).toBeLessThan(150);
  });

  test("cancelled no trial, lost none, and started none twice", async () => {
    const { records, bench } = laboratory;
    expect(records.endStates(run)).toEqual(Array(trials).fill("completed"));
    expect(records.ordinals(run)).toEqual(Array.from({ length: trials }, (_, index) => index));
    for (let trial = 0; trial < trials; trial++) {
      const executions = await chainOf(`${run}/trial-${trial}`);
      expect(executions.map((execution) => execution.status)).toEqual(["COMPLETED"]);
      const starts = bench.started.filter((start) => start.subject === `${run}/trial-${trial}`);
      expect(starts[0]?.fromStep).toBe(0);
      expect(starts.map((start) => start.fromStep)).toEqual([
        ...new Set(starts.map((start) => start.fromStep)),
      ]);
    }
    expect(bench.overlaps).toBe(0);
    expect(records.count("spec.resolve")).toBe(1);
  });

  test("is one source in the trace, without a gap", () => {
    const events = [...laboratory.records.trace.values()].filter((event) =>
      event.source.startsWith(`${run}@`),
    );
    expect(new Set(events.map((event) => event.source)).size).toBe(1);
    expect(events.map((event) => event.seq).sort((a, b) => a - b)).toEqual(events.map((_, index) => index));
  });

  test("carries a small state", async () => {
    const [, second] = await chainOf(run);
    const input = second?.events[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[1]?.data;
    const carried = JSON.parse(Buffer.from(input as Uint8Array).toString()) as {
      carried: { schema: number };
    };
    expect(carried.carried.schema).toBe(1);
    expect(JSON.stringify(carried).length).toBeLessThan(32 * 1024);
  });
});

describe("while continuing as new", () => {
  test("synchronous waves, pruning and tells are those of a run that never did", async () => {
    const search = {
      num_trials: 10,
      wave_size: 5,
      max_concurrent_trials: 3,
      deterministic: true,
      pruner: "asha" as const,
      asha: { grace_steps: 25, reduction_factor: 2 },
    };
    const outcome = async (run: string, maxHistoryLength?: number) => {
      const { records, open } = await createLaboratory(server);
      await open(async () =>
        (
          await startExperiment(
            server,
            run,
            experiment(search),
            maxHistoryLength ? { maxHistoryLength } : undefined,
          )
        ).result(),
      );
      return {
        ends: records.endStates(run),
        ordinals: records.ofRun(run).map((row) => row.ordinal),
        verdicts: records.rungs.map((r) => [r.ordinal, r.report.trial, r.report.rung, r.verdict, r.seen]),
        asks: records.calls
          .filter((c) => c.name === "hpo.ask")
          .map((c) => (c.input as { trials: number[] }).trials),
      };
    };
    const often = await outcome("waves-often", 40);
    expect(await chainOf("waves-often").then((chain) => chain.length)).toBeGreaterThan(2);
    expect(often).toEqual(await outcome("waves-once"));
  });

  test("a pause lasts, and so does a changed limit", async () => {
    const { bench, open } = await createLaboratory(server);
    const run = "pause-lasts";
    const hold = bench.hold(`${run}/trial-0`, 50);
    await open(async () => {
      const handle = await startExperiment(
        server,
        run,
        experiment({ num_trials: 3, max_concurrent_trials: 1 }),
        {
          maxHistoryLength: 40,
          reconcileSeconds: 1,
        },
      );
      await bench.reached(hold);
      await handle.executeUpdate("setMaxConcurrentTrials", { args: [{ maxConcurrentTrials: 2 }] });
      await handle.executeUpdate("pause");
      await bench.until(() => bench.training.size === 0, "nobody trains");
      const before = (await chainOf(run)).length;
      await bench.until(
        async () => (await chainOf(run)).length >= before + 2,
        "it continued twice while paused",
      );
      const newest = server.client.workflow.getHandle(run);
      expect(await newest.query("status")).toMatchObject({ state: "paused", maxConcurrentTrials: 2 });
      expect(bench.training.size).toBe(0);
      bench.releaseAll();
      await newest.executeUpdate("resume");
      expect((await handle.result()).trials.completed).toBe(3);
    });
  });

  /** Holds the experiment's writes of events, from a pause on until it has nothing left to do but to continue. */
  async function betweenTwoExecutions(
    run: string,
    steer: (handle: ExperimentHandle, writeIsHeld: () => Promise<void>) => Promise<void>,
  ) {
    const laboratory = await createLaboratory(server);
    const { bench, open } = laboratory;
    const training = bench.hold(`${run}/trial-0`, 50);
    await open(async () => {
      // Tasks of a second, so that updates are taken while a local activity is held.
      const handle = await startExperiment(
        server,
        run,
        experiment({ num_trials: 1 }),
        { maxHistoryLength: 40, reconcileSeconds: 1 },
        { workflowTaskTimeout: "1s" },
      );
      await bench.reached(training);
      let held = bench.holdStage("trace.append");
      const writeIsHeld = async () => {
        await bench.reached(held);
        const { release } = held;
        held = bench.holdStage("trace.append");
        release();
        await bench.reached(held);
      };
      const before = (await chainOf(run)).length;
      await handle.executeUpdate("pause");
      await bench.reached(held);
      await bench.until(async () => {
        const newest = (await chainOf(run)).at(-1);
        return (newest?.events.length ?? 0) > 55;
      }, "only the write keeps it from continuing");
      expect(await chainOf(run)).toHaveLength(before);
      await steer(handle, writeIsHeld);
      bench.releaseAll();
      await bench.until(async () => (await chainOf(run)).length > before, "it continued");
      await server.client.workflow.getHandle(run).executeUpdate("resume");
      await handle.result();
    });
    return laboratory.records;
  }

  test("a resume that comes in the last moment is told to the trials", async () => {
    const run = "late-resume";
    const records = await betweenTwoExecutions(run, async (handle) => {
      await handle.executeUpdate("resume");
    });
    expect(records.endStates(run)).toEqual(["completed"]);
  });

  test("events of the last moment are stored", async () => {
    const run = "late-events";
    const records = await betweenTwoExecutions(run, async (handle, writeIsHeld) => {
      await handle.executeUpdate("resume");
      await writeIsHeld();
      await handle.executeUpdate("pause");
    });
    const events = [...records.trace.values()].filter((event) => event.source.startsWith(`${run}@`));
    expect(events.map((event) => event.seq).sort((a, b) => a - b)).toEqual(events.map((_, index) => index));
  });

  test("a trial that is terminated when no one holds its handle any more is found", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "found";
    const hold = bench.hold(`${run}/trial-0`, 50);
    await open(async () => {
      const handle = await startExperiment(
        server,
        run,
        experiment({ num_trials: 8, max_concurrent_trials: 2 }),
        {
          maxHistoryLength: 40,
          reconcileSeconds: 2,
        },
      );
      await bench.reached(hold);
      await bench.until(async () => (await chainOf(run)).length >= 2, "the experiment has continued");
      await bench.cli(server, "workflow", "terminate", "--workflow-id", `${run}/trial-0`);
      expect((await handle.result()).trials).toMatchObject({ completed: 7, failed: 1 });
    });
    expect(records.endStates(run)[0]).toBe("failed");
  });
});
