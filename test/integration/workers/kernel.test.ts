import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { trace } from "@opentelemetry/api";
import { Client, Connection, WorkflowFailedError } from "@temporalio/client";
import { temporal } from "@temporalio/proto";
import { describe, expect, it, onTestFinished } from "vitest";
import { prepareNamespace } from "../../../infra/dev/prepare/namespace";
import { repositoryRoot } from "../../../infra/setup/home.mjs";
import { startTelemetry } from "../../../workers/telemetry";
import { startCollector } from "../../support/otlp-collector";
import { scratchFolder } from "../../support/scratch";
import { freshDatabase, freshStore, services } from "../../support/services";
import { until } from "../../support/until";

interface KernelProcess {
  child: ChildProcess;
  /** Its log so far, line by line. */
  log: Record<string, unknown>[];
  readyFile: string;
  exit: Promise<[number | null, NodeJS.Signals | null]>;
}

function startKernel(env: Record<string, string>): KernelProcess {
  const readyFile = join(scratchFolder(), "ready.json");
  const child = spawn(process.execPath, [join(repositoryRoot(), "dist", "workers", "kernel", "main.js")], {
    env: { PATH: process.env.PATH, BELAY_READY_FILE: readyFile, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  const log: Record<string, unknown>[] = [];
  let rest = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) log.push(JSON.parse(line));
  });
  return { child, log, readyFile, exit: once(child, "exit") as KernelProcess["exit"] };
}

/** Servers of one's own: database, bucket, and a namespace, so that no other worker takes this one's tasks. */
async function ownServers() {
  const { temporal: server } = await services();
  const [{ url }, { options }] = [await freshDatabase(), await freshStore()];
  const namespace = `kernel-${randomUUID()}`;
  const connection = await Connection.connect({ address: server.address });
  onTestFinished(() => connection.close());
  const { RegisterNamespaceRequest } = temporal.api.workflowservice.v1;
  await connection.workflowService.registerNamespace(
    RegisterNamespaceRequest.fromObject({ namespace, workflowExecutionRetentionPeriod: { seconds: 86_400 } }),
  );
  await until(
    () =>
      prepareNamespace(server.address, namespace).then(
        () => true,
        () => false,
      ),
    "the namespace is known to the server",
  );
  const env = {
    TEMPORAL_ADDRESS: server.address,
    TEMPORAL_NAMESPACE: namespace,
    DATABASE_URL: url,
    BELAY_S3_ENDPOINT: options.endpoint,
    BELAY_S3_BUCKET: options.bucket,
    BELAY_S3_ACCESS_KEY: options.accessKey,
    BELAY_S3_SECRET_KEY: options.secretKey,
  };
  return { env, connection, namespace };
}

const messages = ({ log }: KernelProcess) => log.map(({ msg }) => String(msg));

describe("the kernel worker", () => {
  it("says what its environment lacks, in one line each and no stack trace", async () => {
    const kernel = startKernel({});
    expect(await kernel.exit).toEqual([1, null]);
    const [line] = kernel.log;
    expect(line).toMatchObject({ level: "fatal", name: "belay-kernel" });
    expect(String(line?.msg).split("\n")).toHaveLength(5);
    expect(String(line?.msg)).not.toContain("    at ");
  });

  it.each([
    [
      "PostgreSQL",
      { DATABASE_URL: "postgresql://belay:secret@127.0.0.1:9/belay" },
      "PostgreSQL at 127.0.0.1:9/belay does not answer",
    ],
    [
      "the object store",
      { BELAY_S3_ENDPOINT: "http://127.0.0.1:9" },
      "the object store at http://127.0.0.1:9 does not answer",
    ],
    [
      "the Temporal Service",
      { TEMPORAL_ADDRESS: "127.0.0.1:9" },
      "the Temporal Service at 127.0.0.1:9 was not reachable",
    ],
  ])("that cannot reach %s tries again, and then says so", async (_name, broken, reason) => {
    const { env } = await ownServers();
    const kernel = startKernel({ ...env, ...broken, BELAY_START_TIMEOUT_SECONDS: "2" });
    expect(await kernel.exit).toEqual([1, null]);
    const tries = kernel.log.filter(({ msg }) => msg === "not reachable, trying again");
    expect(tries.length).toBeGreaterThan(1);
    const last = kernel.log.at(-1);
    expect(last).toMatchObject({ level: "fatal" });
    expect(String(last?.msg)).toContain("was not reachable for 2 seconds");
    expect(String(last?.msg)).toContain(reason);
    expect(JSON.stringify(kernel.log)).not.toContain("secret@");
  });

  it("polls, answers bad input with its reasons, and stops in order when asked to", async () => {
    const { env, connection, namespace } = await ownServers();
    const kernel = startKernel(env);
    await until(() => existsSync(kernel.readyFile), "the worker polls");
    expect(JSON.parse(readFileSync(kernel.readyFile, "utf8"))).toEqual({
      pid: kernel.child.pid,
      name: "belay-kernel",
      taskQueue: "belay-kernel",
    });
    const client = new Client({ connection, namespace });
    const handle = await client.workflow.start("experimentWorkflow", {
      taskQueue: "belay-kernel",
      workflowId: "bad-input",
      args: [{ name: "a/b", lerning_rate: 1 }],
    });
    const failed = await handle.result().then(
      () => undefined,
      (error: unknown) => error as WorkflowFailedError,
    );
    expect(failed).toBeInstanceOf(WorkflowFailedError);
    expect(failed?.cause).toMatchObject({
      type: "InvalidSpec",
      message: expect.stringContaining("lerning_rate: unknown key; did you mean train.learning_rate?"),
    });
    // The worker's own lines arrive in batches.
    await until(() => kernel.log.some(({ run }) => run === "bad-input"), "the log speaks of the run");
    kernel.child.kill("SIGTERM");
    expect(await kernel.exit).toEqual([0, null]);
    expect(existsSync(kernel.readyFile)).toBe(false);
    expect(messages(kernel).at(-1)).toBe("stopped");
  });

  it("carries the caller's trace through workflow and activity to the collector, and sends metrics", async () => {
    const { env, connection, namespace } = await ownServers();
    const collector = await startCollector();
    onTestFinished(collector.close);
    const kernel = startKernel({ ...env, OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
    await until(() => existsSync(kernel.readyFile), "the worker polls");

    const telemetry = startTelemetry("test", null);
    onTestFinished(() => telemetry.shutdown());
    const client = new Client({ connection, namespace, plugins: [telemetry.plugin] });
    const traceId = await trace.getTracer("test").startActiveSpan("test", async (span) => {
      const handle = await client.workflow.start("experimentWorkflow", {
        taskQueue: "belay-kernel",
        workflowId: "traced",
        args: [{}],
      });
      await handle.result().catch(() => {});
      span.end();
      return span.spanContext().traceId;
    });
    kernel.child.kill("SIGTERM");
    await kernel.exit;
    for (const name of ["RunWorkflow:experimentWorkflow", "RunActivity:spec.resolve"])
      expect(collector.spans).toContainEqual({ service: "belay-kernel", name, traceId });
    expect(collector.requests).toContain("/v1/metrics");
  });
});
