import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import type { Client } from "@temporalio/client";
import { temporal } from "@temporalio/proto";
import { DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { describe, expect, it } from "vitest";
import { recordRun } from "../../../activities/persistence/runs";
import { openTrials, recordOutcome } from "../../../activities/persistence/trials";
import { createReconcileActivities } from "../../../activities/reconcile";
import { maintain } from "../../../activities/reconcile/maintenance";
import type { TrialOutcome } from "../../../workflows/contracts";
import { unfinishedOutcome } from "../../../workflows/lora/outcomes";
import { freshDatabase, freshStore, services, sharedByFile, temporalClient } from "../../support/services";
import { endSignal } from "../../support/workflows/standing";

const taskQueue = `standing-${randomUUID()}`;
let client: Client;

sharedByFile(async (atEnd) => {
  Runtime.install({ logger: new DefaultLogger("ERROR") });
  const { address } = (await services()).temporal;
  const connection = await NativeConnection.connect({ address });
  atEnd(() => connection.close());
  client = await temporalClient(atEnd);
  const worker = await Worker.create({
    connection,
    taskQueue,
    workflowsPath: resolve(__dirname, "../../support/workflows/standing.ts"),
  });
  const running = worker.run();
  atEnd(() => {
    worker.shutdown();
    return running;
  });
});

const start = (workflowId: string, ...args: unknown[]) =>
  client.workflow.start("standingWorkflow", { workflowId, taskQueue, args });

/** Ends a workflow and waits until Temporal says so. */
async function end(workflowId: string, how: "complete" | "fail"): Promise<void> {
  const handle = client.workflow.getHandle(workflowId);
  await handle.signal(endSignal, how);
  await handle.result().catch(() => {});
}

async function setup(trials: number) {
  const run = `run-${randomUUID()}`;
  const { db } = await freshDatabase();
  const { store } = await freshStore();
  await recordRun(db, { run, name: "a", state: "running", stage: "search" }, "x1", "default");
  const rows = Array.from({ length: trials }, (_, trial) => ({
    trial,
    workflowId: `${run}/trial-${trial}`,
    params: {},
    modelBased: false,
    tellCount: 0,
    pending: [],
    seed: 1,
    replicateOf: null,
  }));
  await openTrials(db, run, rows, "x1");
  const activities = createReconcileActivities({ db, temporal: client });
  return { run, db, store, activities, idOf: (n: number) => `${run}/trial-${n}` };
}

describe("trials.reconcile", () => {
  it("names the trials whose workflow ended, those with an outcome on record by it", async () => {
    const { run, db, activities, idOf } = await setup(6);
    for (const n of [0, 1, 2, 3, 4]) await start(idOf(n));
    await client.workflow.getHandle(idOf(1)).terminate();
    await end(idOf(2), "fail");
    await end(idOf(3), "complete");
    const manifest = { uri: "s3://b/k", sha256: "a".repeat(64), sizeBytes: 1, mediaType: "application/json" };
    const outcome: TrialOutcome = {
      trial: 3,
      state: "completed",
      value: 1,
      step: 1,
      metrics: { eval_loss: 1 },
      trainableParams: 10,
      gpuSeconds: 0.5,
      checkpoint: { manifest, step: 1, epoch: 1 },
      adapter: [{ path: "adapter_config.json", ref: manifest }],
      adapterSha256: "b".repeat(64),
      initSha256: "c".repeat(64),
      error: { type: "Internal", message: "none" },
    };
    await recordOutcome(db, run, 0, outcome);
    // An end on record says nothing of a trial whose workflow runs.
    await recordOutcome(db, run, null, unfinishedOutcome(0, { state: "cancelled", error: null }));
    await end(idOf(4), "complete");
    // 0 runs; 5 was never started, or is older than Temporal's memory.
    expect(await activities["trials.reconcile"]({ run, trials: [0, 1, 2, 3, 4, 5] })).toEqual({
      gone: [1, 2, 4, 5],
      ended: [outcome],
      accounts: [],
    });
    await client.workflow.getHandle(idOf(0)).terminate();
  });

  it("counts a trial that was reset or continued as new as running", async () => {
    const { run, activities, idOf } = await setup(2);
    const first = await start(idOf(0));
    await firstTaskCompleted(idOf(0));
    const { ResetWorkflowExecutionRequest } = temporal.api.workflowservice.v1;
    await client.workflowService.resetWorkflowExecution(
      ResetWorkflowExecutionRequest.fromObject({
        namespace: "default",
        workflowExecution: { workflowId: idOf(0), runId: first.firstExecutionRunId },
        workflowTaskFinishEventId: 4,
        requestId: randomUUID(),
        reason: "test",
      }),
    );
    const old = await client.workflow.getHandle(idOf(0), first.firstExecutionRunId).describe();
    expect(old.status.name).toBe("TERMINATED");
    const second = await start(idOf(1));
    await client.workflow.getHandle(idOf(1)).signal(endSignal, "continue");
    await continued(idOf(1), second.firstExecutionRunId);
    expect(await activities["trials.reconcile"]({ run, trials: [0, 1] })).toMatchObject({
      gone: [],
      ended: [],
    });
    for (const n of [0, 1]) await client.workflow.getHandle(idOf(n)).terminate();
    expect(await activities["trials.reconcile"]({ run, trials: [0, 1] })).toEqual({
      gone: [0, 1],
      ended: [],
      accounts: [],
    });
  });

  it("tells what a trial that was terminated had used and left behind", async () => {
    const { run, activities, idOf } = await setup(1);
    const account = { trial: 0, step: 50, gpuSeconds: 2.5, trainableParams: 10, checkpoint: null };
    await start(idOf(0), account);
    await firstTaskCompleted(idOf(0));
    await client.workflow.getHandle(idOf(0)).terminate();
    expect(await activities["trials.reconcile"]({ run, trials: [0] })).toEqual({
      gone: [0],
      ended: [],
      accounts: [account],
    });
  });
});

describe("run.isOpen", () => {
  it("is true for the very chain that a trial belongs to, also after continue-as-new", async () => {
    const { run, activities } = await setup(0);
    const { firstExecutionRunId: chain } = await start(run);
    expect(await activities["run.isOpen"]({ run, chain })).toEqual({ open: true });
    expect(await activities["run.isOpen"]({ run, chain: randomUUID() })).toEqual({ open: false });
    await client.workflow.getHandle(run).signal(endSignal, "continue");
    await continued(run, chain);
    expect(await activities["run.isOpen"]({ run, chain })).toEqual({ open: true });
    await end(run, "complete");
    expect(await activities["run.isOpen"]({ run, chain })).toEqual({ open: false });
  });
});

describe("run.cancel", () => {
  it("closes the run as cancelled, and has nothing to do where it has ended or never was", async () => {
    const { run, activities } = await setup(0);
    await start(run);
    await activities["run.cancel"]({ run });
    await expect(client.workflow.getHandle(run).result()).rejects.toThrow();
    expect((await client.workflow.getHandle(run).describe()).status.name).toBe("CANCELLED");
    await activities["run.cancel"]({ run });
    await activities["run.cancel"]({ run: `never-${randomUUID()}` });
  });
});

describe("house-keeping", () => {
  it("leaves the runs of another namespace alone", async () => {
    const { db, store } = await setup(0);
    await recordRun(db, { run: "elsewhere", name: "a", state: "running", stage: "search" }, "x1", "other");
    await maintain({ db, store, temporal: client }, new Date());
    const { rows } = await db.query("SELECT state FROM runs WHERE run = 'elsewhere'");
    expect(rows).toEqual([{ state: "running" }]);
  });

  it("deletes a file that nothing names an hour after that was noted, and not before", async () => {
    const { db, store } = await setup(0);
    const { sha256 } = await store.put(Buffer.from("of no use"), "text/plain");
    const { rows } = await db.query<{ since: Date }>(
      "INSERT INTO garbage (sha256) VALUES ($1) RETURNING since",
      [sha256],
    );
    const noted = (rows[0] as { since: Date }).since.getTime();
    const sweptAfter = async (minutes: number) =>
      (await maintain({ db, store, temporal: client }, new Date(noted + minutes * 60_000))).sweptFiles;
    expect(await sweptAfter(59)).toEqual([]);
    expect(await sweptAfter(61)).toEqual([sha256]);
  });

  it("closes the rows of a run whose workflow is gone, and of its trials as they end", async () => {
    const { run, db, store, idOf } = await setup(2);
    await start(run);
    await start(idOf(0));
    await start(idOf(1));
    await client.workflow.getHandle(idOf(1)).terminate();
    const round = () => maintain({ db, store, temporal: client }, new Date());
    // While the experiment runs, its own reconciler closes what is gone.
    expect(await round()).toMatchObject({ closedRuns: [], closedTrials: [] });
    await client.workflow.getHandle(run).terminate();
    expect(await round()).toMatchObject({ closedRuns: [run], closedTrials: [idOf(1)] });
    await client.workflow.getHandle(idOf(0)).cancel();
    await client.workflow
      .getHandle(idOf(0))
      .result()
      .catch(() => {});
    expect(await round()).toMatchObject({ closedRuns: [], closedTrials: [idOf(0)] });
    expect(await round()).toMatchObject({ closedRuns: [], closedTrials: [] });
    const { rows } = await db.query(
      "SELECT state, error->>'message' AS message FROM runs UNION ALL SELECT state, error->>'message' FROM trials ORDER BY 1, 2",
    );
    expect(rows).toEqual([
      { state: "cancelled", message: "its workflow was cancelled" },
      { state: "cancelled", message: "its workflow was terminated" },
      { state: "cancelled", message: "its workflow was terminated" },
    ]);
  });
});

async function firstTaskCompleted(workflowId: string): Promise<void> {
  const handle = client.workflow.getHandle(workflowId);
  await expect
    .poll(async () => ((await handle.fetchHistory()).events ?? []).length, { timeout: 20_000 })
    .toBeGreaterThanOrEqual(4);
}

/** Waits until the workflow goes on in another execution than this one. */
const continued = (workflowId: string, runId: string) =>
  expect
    .poll(async () => (await client.workflow.getHandle(workflowId).describe()).runId, { timeout: 20_000 })
    .not.toBe(runId);
