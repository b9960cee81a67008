import { describe, expect, test } from "vitest";
import { TraceEvent } from "../../../../workflows/contracts";
import { TraceBuffer } from "../../../../workflows/trace/buffer";
import { traceSource } from "../../../../workflows/trace/source";

const at = Date.UTC(2026, 0, 2, 3, 4, 5);

describe("the trace buffer", () => {
  test("numbers events without a gap, across drains and from where it was told", () => {
    const buffer = new TraceBuffer("run", "run@1", 7);
    buffer.add(at, { kind: "a", data: {} });
    const first = buffer.drain();
    buffer.add(at, { kind: "b", subject: "run/trial-1", epoch: 2, data: { x: 1 } });
    expect([...first, ...buffer.drain()].map((event) => event.seq)).toEqual([7, 8]);
    expect(buffer.nextSeq).toBe(9);
    expect(buffer.size).toBe(0);
  });

  test("events that could not be stored come out again, in order, under their numbers", () => {
    const buffer = new TraceBuffer("run", "run@1", 0);
    buffer.add(at, { kind: "a", data: {} });
    const taken = buffer.drain();
    buffer.add(at, { kind: "b", data: {} });
    buffer.restore(taken);
    expect(buffer.drain().map((event) => `${event.seq}${event.kind}`)).toEqual(["0a", "1b"]);
  });

  test("writes events of the contract", () => {
    const buffer = new TraceBuffer("run", "run@1", 0);
    buffer.add(at, { kind: "a", data: { nested: { fine: true } } });
    const [event] = buffer.drain();
    expect(TraceEvent.parse(event)).toEqual(event);
    expect(event).toMatchObject({ at: "2026-01-02T03:04:05.000Z", subject: null, epoch: null });
  });
});

describe("the name of a source", () => {
  const info = { workflowId: "run", runId: "r1", firstExecutionRunId: "r1", originalExecutionRunId: "r1" };

  test("is one for a whole chain", () => {
    expect(traceSource(info)).toBe("run@r1");
    expect(traceSource({ ...info, runId: "r2", originalExecutionRunId: "r2" }, "run@r1")).toBe("run@r1");
  });

  test("is a new one after a reset, whose numbers the abandoned branch may have used", () => {
    expect(traceSource({ ...info, runId: "r9" })).toBe("run@r9");
    expect(traceSource({ ...info, runId: "r9", originalExecutionRunId: "r2" }, "run@r1")).toBe("run@r9");
  });
});
