import { ApplicationFailure, type WorkflowFailedError } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TaskQueues, WorkflowTypes } from "../../workflows/contracts";
import { startTemporal, type TemporalServer } from "../support/temporal";
import { createLaboratory, quietRuntime } from "./support/laboratory";

quietRuntime();
let server: TemporalServer;

beforeAll(async () => {
  server = await startTemporal();
});
afterAll(() => server.stop());

const runJob = (workflowId: string, job: unknown) =>
  server.client.workflow.execute(WorkflowTypes.job, {
    workflowId,
    taskQueue: TaskQueues.kernel,
    args: [job],
  });

const job = (rest: object = {}) => ({
  entrypoint: "hub.push",
  run: "job",
  subject: "job/push",
  params: { repo: "me/it", files: [] },
  ...rest,
});

const refusalOf = async (result: Promise<unknown>) =>
  ((await result.catch((error: WorkflowFailedError) => error)) as WorkflowFailedError)
    .cause as ApplicationFailure;

describe("a standalone job", () => {
  test("goes to an engine, and its seat is free afterwards", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const answer = await open(() => runJob("job-queue", job()));
    expect(answer).toMatchObject({ url: "https://hub.invalid/me/it" });
    expect(bench.seatsTaken).toBe(0);
    expect(records.epochs.get("job/push")).toBe(1);
    expect([...records.trace.values()].map((event) => event.kind)).toEqual(["job.placed", "job.dispatched"]);
  });

  test("is one dispatch, however often its epoch is asked for", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const away = ApplicationFailure.create({ type: "StorageUnavailable", message: "Postgres is away" });
    bench.failNth("dispatch.prepare", 1, away);
    const runId = await open(async () => {
      const handle = await server.client.workflow.start(WorkflowTypes.job, {
        workflowId: "job-asked-twice",
        taskQueue: TaskQueues.kernel,
        args: [job()],
      });
      await handle.result();
      return handle.firstExecutionRunId;
    });
    const asked = records.calls.filter(({ name }) => name === "dispatch.prepare");
    const input = { run: "job", subject: "job/push", chain: null, dispatch: `${runId}/1` };
    expect(asked.map((call) => call.input)).toEqual([input, input]);
  });

  test("stores its trace also when it is cancelled", async () => {
    const noSeats = 0;
    const { records, bench, open } = await createLaboratory(server, noSeats);
    await open(async () => {
      const handle = await server.client.workflow.start(WorkflowTypes.job, {
        workflowId: "job-cancelled",
        taskQueue: TaskQueues.kernel,
        args: [job()],
      });
      const isWaiting = async () => ((await handle.describe()).raw.pendingActivities ?? []).length > 0;
      await bench.until(isWaiting, "it waits for a seat");
      await handle.cancel();
      await expect(handle.result()).rejects.toThrow();
    });
    expect([...records.trace.values()].map((event) => event.kind)).toEqual(["job.placed"]);
  });

  test.each([
    [{ placement: { backend: "ssh" } }, "Unsupported", /^placement\.backend: .* accepted: queue/],
    [{ entrypoint: "rm -rf" }, "InvalidSpec", /^entrypoint: /],
    [{ params: undefined, timeoutSeconds: -1 }, "InvalidSpec", /params: .*; timeoutSeconds: /],
  ])("%j is refused as %s", async (rest, type, message) => {
    const { records, open } = await createLaboratory(server);
    const refusal = await open(() => refusalOf(runJob(`job-refused-${Object.keys(rest)[0]}`, job(rest))));
    expect(refusal).toMatchObject({ type });
    expect(refusal.message).toMatch(message);
    expect(records.count("dispatch.prepare")).toBe(0);
  });
});

describe("verification", () => {
  test.each([["L9"], [3]])("level %j is refused", async (level) => {
    const { open } = await createLaboratory(server);
    const refusal = await open(() =>
      refusalOf(
        server.client.workflow.execute(WorkflowTypes.verify, {
          workflowId: `verify-${level}`,
          taskQueue: TaskQueues.kernel,
          args: [{ run: "none", levels: [level] }],
        }),
      ),
    );
    expect(refusal).toMatchObject({
      type: "InvalidSpec",
      message: expect.stringContaining("expected L0, L1, L2 or L3"),
    });
  });
});
