import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { trace } from "@opentelemetry/api";
import { node, tracing } from "@opentelemetry/sdk-node";
import { defaultPayloadConverter, type Payload } from "@temporalio/common";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Belay } from "../../../client";
import { scratchFolder } from "../../support/scratch";
import { startTemporal, type TemporalServer } from "../../support/temporal";
import { labModel } from "../support/experiments";

let server: TemporalServer;
beforeAll(async () => {
  server = await startTemporal();
});
afterAll(() => server.stop());

test("the caller's trace goes on in the workflow that it starts", async () => {
  const exporter = new tracing.InMemorySpanExporter();
  const provider = new node.NodeTracerProvider({
    spanProcessors: [new tracing.SimpleSpanProcessor(exporter)],
  });
  provider.register();
  const rows = join(scratchFolder(), "rows.jsonl");
  writeFileSync(rows, "");
  const belay = await Belay.connect({ address: server.address });
  const experiment = { name: "traced", model: labModel, dataset: { path: rows } };
  const traceId = await trace.getTracer("test").startActiveSpan("caller", async (span) => {
    await belay.start(experiment, { id: "traced" });
    span.end();
    return span.spanContext().traceId;
  });
  await belay.close();
  expect(exporter.getFinishedSpans().map(({ name }) => name)).toContain("StartWorkflow:experimentWorkflow");
  const { events } = await server.client.workflow.getHandle("traced").fetchHistory();
  const fields = events?.[0]?.workflowExecutionStartedEventAttributes?.header?.fields;
  const carried = defaultPayloadConverter.fromPayload<{ traceparent: string }>(
    fields?.["_tracer-data"] as Payload,
  );
  expect(carried.traceparent.split("-")[1]).toBe(traceId);
});
