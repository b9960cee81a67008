import { CancelledFailure, WorkflowUpdateFailedError } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Messages, type TrialRow } from "../../workflows/contracts";
import { startTemporal, type TemporalServer } from "../support/temporal";
import { type ExperimentHandle, experiment, startExperiment } from "./support/experiments";
import { createLaboratory, quietRuntime } from "./support/laboratory";
import { status, trials, update } from "./support/messages";

quietRuntime();
let server: TemporalServer;

beforeAll(async () => {
  server = await startTemporal();
});
afterAll(() => server.stop());

describe("pause and resume", () => {
  test("a pause checkpoints every trial and frees its seat; a resume goes on from there", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "paused";
    const holds = [0, 1].map((trial) => bench.hold(`${run}/trial-${trial}`, 45));
    const result = await open(async () => {
      const handle = await startExperiment(
        server,
        run,
        experiment({ num_trials: 4, max_concurrent_trials: 2 }),
      );
      for (const hold of holds) await bench.reached(hold);
      expect(await update(handle, "pause")).toMatchObject({ state: "paused" });
      await bench.until(
        () => bench.training.size === 0 && bench.seatsTaken === 0,
        "nobody trains or holds a seat",
      );
      expect((await trials(handle)).map((row) => row.state)).toEqual(["paused", "paused"]);
      await bench.until(() => records.lastOf(run).state === "paused", "the row says paused");
      bench.releaseAll();
      expect(await update(handle, "resume")).toMatchObject({ state: "running" });
      return handle.result();
    });
    expect(result.trials).toMatchObject({ completed: 4 });
    const starts = bench.started.filter((start) => start.subject === `${run}/trial-0`);
    expect(starts).toMatchObject([
      { epoch: 1, fromStep: 0 },
      { epoch: 2, fromStep: 45 },
    ]);
    const states = [...records.trace.values()].filter(
      (e) => e.subject === `${run}/trial-0` && e.kind === "trial.state",
    );
    expect(states.map((event) => event.data.to)).toEqual([
      "running",
      "paused",
      "running",
      "evaluating",
      "storing",
      "completed",
    ]);
  });

  test("a paused run starts no trial, and pausing twice is pausing", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "paused-twice";
    const hold = bench.hold(`${run}/trial-0`, 45);
    await open(async () => {
      const handle = await startExperiment(
        server,
        run,
        experiment({ num_trials: 3, max_concurrent_trials: 1 }),
      );
      await bench.reached(hold);
      await update(handle, "pause");
      await update(handle, "pause");
      await bench.until(() => bench.training.size === 0, "nobody trains");
      expect(records.ofRun(run)).toHaveLength(1);
      await update(handle, "resume");
      bench.releaseAll();
      return handle.result();
    });
    expect(records.endStates(run)).toEqual(["completed", "completed", "completed"]);
  });

  test("a resume that a pause follows at once leaves a trial paused, and messages that say nothing are passed over", async () => {
    const { bench, open, upgrade } = await createLaboratory(server);
    const run = "paused-again";
    const hold = bench.hold(`${run}/trial-0`, 45);
    const result = await open(async () => {
      const handle = await startExperiment(server, run, experiment({ num_trials: 1 }));
      await bench.reached(hold);
      await update(handle, "pause");
      const child = server.client.workflow.getHandle(`${run}/trial-0`);
      const state = async () => (await child.query<TrialRow>(Messages.status)).state;
      await bench.until(async () => (await state()) === "paused", "the trial is paused");
      await upgrade(async () => {
        await child.signal(Messages.trialControl, { action: "resume" });
        await child.signal(Messages.trialControl, { action: "pause" });
        await child.signal(Messages.trialControl);
        for (const signal of [Messages.rungReport, Messages.trialOutcome]) await handle.signal(signal);
      });
      const isTaken = async () => {
        const { events = [] } = await child.fetchHistory();
        const signal = events?.findLastIndex((event) => event.workflowExecutionSignaledEventAttributes) ?? -1;
        return events?.slice(signal).some((event) => event.workflowTaskCompletedEventAttributes) ?? false;
      };
      await bench.until(isTaken, "the signals are taken");
      expect(await state()).toBe("paused");
      bench.releaseAll();
      await update(handle, "resume");
      return handle.result();
    });
    expect(result.trials).toMatchObject({ completed: 1 });
  });
});

describe("cancel", () => {
  const cancelled = async (run: string, cancel: (handle: ExperimentHandle) => Promise<unknown>) => {
    const { records, bench, open } = await createLaboratory(server);
    const holds = [0, 1].map((trial) => bench.hold(`${run}/trial-${trial}`, 45));
    await open(async () => {
      const handle = await startExperiment(
        server,
        run,
        experiment({ num_trials: 4, max_concurrent_trials: 2 }),
      );
      for (const hold of holds) await bench.reached(hold);
      await cancel(handle);
      await expect(handle.result()).rejects.toMatchObject({ cause: expect.any(CancelledFailure) });
      expect((await handle.describe()).status.name).toBe("CANCELLED");
      for (const trial of [0, 1]) {
        const child = await server.client.workflow.getHandle(`${run}/trial-${trial}`).describe();
        expect(child.status.name).toBe("CANCELLED");
      }
    });
    expect(bench.seatsTaken).toBe(0);
    return {
      trials: records
        .ofRun(run)
        .map((row) => [row.outcome?.state, row.outcome?.step, row.outcome?.checkpoint?.step]),
      run: records.lastOf(run).state,
      stages: [...new Set(records.runs.get(run)?.map((record) => record.stage))],
      report: records.count("report.render"),
    };
  };

  test("by update and natively is the same: trials checkpoint and end as cancelled, and so does the run", async () => {
    const byUpdate = await cancelled("cancel-update", (handle) => update(handle, "cancel"));
    const natively = await cancelled("cancel-native", (handle) => handle.cancel());
    expect(byUpdate).toEqual({
      trials: [
        ["cancelled", 45, 45],
        ["cancelled", 45, 45],
      ],
      run: "cancelled",
      stages: ["resolve", "search"].flatMap((stage) =>
        stage === "resolve" ? ["resolve", "dataset", "space"] : [stage],
      ),
      report: 0,
    });
    expect(natively).toEqual(byUpdate);
  });

  test("reaches a run that is paused, and one that is in its first stages", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const hold = bench.hold("cancel-paused/trial-0", 45);
    await open(async () => {
      const paused = await startExperiment(server, "cancel-paused", experiment({ num_trials: 1 }));
      await bench.reached(hold);
      await update(paused, "pause");
      await bench.until(() => bench.training.size === 0, "nobody trains");
      await update(paused, "cancel");
      await expect(paused.result()).rejects.toMatchObject({ cause: expect.any(CancelledFailure) });

      const stage = bench.holdStage("dataset.analyze");
      const early = await startExperiment(server, "cancel-early", experiment({ num_trials: 1 }));
      await bench.reached(stage);
      await early.cancel();
      await expect(early.result()).rejects.toMatchObject({ cause: expect.any(CancelledFailure) });
    });
    expect(records.endStates("cancel-paused")).toEqual(["cancelled"]);
    expect([records.lastOf("cancel-paused").state, records.lastOf("cancel-early").state]).toEqual([
      "cancelled",
      "cancelled",
    ]);
    expect(records.ofRun("cancel-early")).toEqual([]);
  });
});

describe("setMaxConcurrentTrials", () => {
  test("takes effect at once, up and down", async () => {
    const { bench, open } = await createLaboratory(server, 8);
    const run = "wider";
    const holds = [0, 1, 2].map((trial) => bench.hold(`${run}/trial-${trial}`, 45));
    await open(async () => {
      const handle = await startExperiment(
        server,
        run,
        experiment({ num_trials: 6, max_concurrent_trials: 1 }),
      );
      await bench.reached(holds[0] as (typeof holds)[0]);
      expect(bench.training.size).toBe(1);
      expect(await update(handle, "setMaxConcurrentTrials", { maxConcurrentTrials: 3 })).toMatchObject({
        maxConcurrentTrials: 3,
      });
      for (const hold of holds) await bench.reached(hold);
      expect(bench.training.size).toBe(3);
      await update(handle, "setMaxConcurrentTrials", { maxConcurrentTrials: 1 });
      bench.mostAtOnce = 0;
      bench.releaseAll();
      await handle.result();
    });
    expect(bench.mostAtOnce).toBe(1);
  });

  test("is kept when it comes before the experiment is read", async () => {
    const { bench, open } = await createLaboratory(server);
    const run = "early-limit";
    const resolve = bench.holdStage("spec.resolve");
    await open(async () => {
      const handle = await startExperiment(
        server,
        run,
        experiment({ num_trials: 3, max_concurrent_trials: 3 }),
      );
      await bench.reached(resolve);
      expect(await update(handle, "setMaxConcurrentTrials", { maxConcurrentTrials: 1 })).toMatchObject({
        maxConcurrentTrials: 1,
      });
      const dataset = bench.holdStage("dataset.analyze");
      resolve.release();
      await bench.reached(dataset);
      expect(await status(handle)).toMatchObject({ numTrials: 3, maxConcurrentTrials: 1 });
      bench.releaseAll();
      await handle.result();
    });
  });

  test.each([[0], [257], [1.5], ["4"], [undefined]])(
    "refuses %j, and says what would be right",
    async (value) => {
      const { bench, open } = await createLaboratory(server);
      const run = `refuse-${String(value)}`;
      const hold = bench.hold(`${run}/trial-0`, 10);
      await open(async () => {
        const handle = await startExperiment(server, run, experiment({ num_trials: 1 }));
        await bench.reached(hold);
        const refused = update(handle, "setMaxConcurrentTrials", { maxConcurrentTrials: value });
        await expect(refused).rejects.toBeInstanceOf(WorkflowUpdateFailedError);
        await expect(refused).rejects.toMatchObject({
          cause: { message: expect.stringContaining("from 1 to 256") },
        });
        bench.releaseAll();
        await handle.result();
      });
    },
  );
});
