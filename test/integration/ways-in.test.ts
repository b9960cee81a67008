import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { trace } from "@opentelemetry/api";
import { node } from "@opentelemetry/sdk-node";
import { Client, Connection } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Belay } from "../../client";
import { Stack, type StackInfo } from "../../infra/dev";
import { readyTools } from "../../infra/setup/toolchain";
import type { ExperimentInput, ExperimentResult } from "../../workflows/contracts";
import { commandLine } from "../support/command-line";
import { type CollectedSpan, type Collector, startCollector } from "../support/otlp-collector";
import { type TinyTask, tinyTask } from "../support/tiny-model";
import { until } from "../support/until";

const run = promisify(execFile);

let folder: string;
let stack: Stack;
let info: StackInfo;
let connection: Connection;
let belay: Belay;
let task: TinyTask;
let collector: Collector;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "belay-ways-"));
  chmodSync(folder, 0o755);
  task = tinyTask(folder);
  collector = await startCollector();
  const telemetry = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_BSP_SCHEDULE_DELAY: "200" };
  stack = new Stack({ stateDir: join(folder, "state"), env: { BELAY_DEVICE: "cpu", ...telemetry } });
  info = await stack.up();
  const { address } = info.temporal;
  connection = await Connection.connect({ address });
  belay = await Belay.connect({ address });
});

afterAll(async () => {
  await belay?.close();
  await connection?.close();
  await stack?.destroy();
  collector?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** One short trial. */
const spec = (): ExperimentInput => ({
  name: `ways-${randomUUID().slice(0, 8)}`,
  model: { model_name_or_path: task.model },
  dataset: { path: task.rows, cutoff_len: 32, val_set_size: 8, test_set_size: 8 },
  train: { max_steps: 6, per_device_train_batch_size: 4, gradient_accumulation_steps: 1 },
  save: { save_steps: 3 },
  search: { sampler: "random", num_trials: 1, space: { learning_rate: { loguniform: [1e-3, 1e-2] } } },
});

/** The same, with the names that other trainers have for these settings. */
function aliased(): object {
  const { model: _, ...rest } = spec();
  return { ...rest, base_model: task.model, lora_rank: 4 };
}

function expectWhole(result: ExperimentResult, id: string): void {
  expect(result).toMatchObject({
    run: id,
    state: "completed",
    best: { trial: 0 },
    reproducibility: { passed: true },
  });
  expect(result.trials.completed).toBe(1);
}

describe("a run can be started", { timeout: 300_000 }, () => {
  test("by the Temporal command line, from a file", async () => {
    const file = join(folder, "spec.json");
    writeFileSync(file, JSON.stringify(spec()));
    const temporal = readyTools()?.temporal as string;
    const { stdout } = await run(temporal, [
      ...[
        "workflow",
        "start",
        "--type",
        "experimentWorkflow",
        "--task-queue",
        "belay-kernel",
        "--input-file",
        file,
      ],
      ...["--address", info.temporal.address, "--output", "json"],
    ]);
    const { workflowId } = JSON.parse(stdout);
    expectWhole(await belay.attach(workflowId).result(), workflowId);
  });

  test("by the bare request that tctl sends", async () => {
    const workflowId = `tctl-${randomUUID()}`;
    await connection.workflowService.startWorkflowExecution({
      namespace: "default",
      requestId: randomUUID(),
      identity: "tctl@host",
      workflowId,
      workflowType: { name: "experimentWorkflow" },
      taskQueue: { name: "belay-kernel" },
      input: {
        payloads: [
          { metadata: { encoding: Buffer.from("json/plain") }, data: Buffer.from(JSON.stringify(aliased())) },
        ],
      },
    });
    expectWhole(await belay.attach(workflowId).result(), workflowId);
  });

  test("by the TypeScript client, whose trace goes on down to the Python activities", async () => {
    new node.NodeTracerProvider().register();
    onTestFinished(() => trace.disable());
    const { started, traceId } = await trace.getTracer("test").startActiveSpan("person", async (span) => {
      const { run: started } = await belay.start(spec());
      span.end();
      return { started, traceId: span.spanContext().traceId };
    });
    expectWhole(await started.result(), started.id);
    const isThere = (wanted: Omit<CollectedSpan, "traceId">) =>
      collector.spans.some(
        (span) => span.traceId === traceId && span.service === wanted.service && span.name === wanted.name,
      );
    for (const span of [
      { service: "belay-kernel", name: "RunWorkflow:experimentWorkflow" },
      { service: "belay-ml-worker", name: "RunActivity:dataset.analyze" },
      { service: "belay-kernel", name: "RunWorkflow:trialWorkflow" },
      { service: "belay-gpu-worker", name: "RunActivity:training.run" },
    ])
      await until(() => isThere(span), `the trace has ${span.name} of ${span.service}`);
  });

  test("by any Temporal client, by workflow type", async () => {
    const workflowId = `plain-${randomUUID()}`;
    const client = new Client({ connection });
    const result = await client.workflow.execute("experimentWorkflow", {
      workflowId,
      taskQueue: "belay-kernel",
      args: [aliased()],
    });
    expectWhole(result as ExperimentResult, workflowId);
  });

  test("by the command line, whose artifacts are the published ones", async () => {
    const file = join(folder, "experiment.yaml");
    writeFileSync(file, JSON.stringify(spec()));
    const { stdout } = await commandLine(["run", file, "--json"], folder, info);
    const result: ExperimentResult = JSON.parse(stdout);
    expectWhole(result, result.run);
    const target = join(folder, "copied");
    const copying = ["artifacts", result.run, "--get", target, "--json"];
    const { stdout: listed } = await commandLine(copying, folder, info);
    const { artifacts } = JSON.parse(listed) as {
      artifacts: { name: string; uri: string; sha256: string }[];
    };
    expect(artifacts).toContainEqual(expect.objectContaining(result.artifacts.manifest));
    expect(artifacts.map(({ sha256 }) => sha256)).toContain(result.artifacts.adapter?.sha256);
    await commandLine(copying, folder, info);
    // A folder with another run's files would end as a mixture of both, each file of it checked.
    writeFileSync(join(target, "manifest.json"), "of another run");
    await expect(commandLine(copying, folder, info)).rejects.toThrow(
      /another run has published[\s\S]*expected 2 to be/,
    );
  });
});
