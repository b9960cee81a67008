import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  TimeoutFailure,
  TimeoutType,
} from "@temporalio/common";
import { describe, expect, test } from "vitest";
import { ErrorType, isPermanent } from "../../../../workflows/contracts";
import { classifyFailure, describeFailure, neverRetried } from "../../../../workflows/reliability/failures";

const byActivity = (cause: Error) =>
  new ActivityFailure("activity failed", "training.run", "1", "NON_RETRYABLE_FAILURE", "worker", cause);

describe("what became of a job", () => {
  test.each(ErrorType.options.filter((type) => isPermanent(type)))("%s is permanent", (type) => {
    const failure = classifyFailure(byActivity(ApplicationFailure.create({ type, message: "why" })));
    expect(failure).toEqual({ kind: "permanent", type, message: "why", gpuSeconds: 0 });
    expect(neverRetried).toContain(type);
  });

  test.each(["StorageUnavailable", "DiskFull", "NoSeat"])("%s is worth another try", (type) => {
    const failure = classifyFailure(byActivity(ApplicationFailure.create({ type, message: "why" })));
    expect(failure).toEqual({ kind: "transient", type, message: "why", gpuSeconds: 0 });
    expect(neverRetried).not.toContain(type);
  });

  test("what is named outside the closed list is a defect, with its name in the message", () => {
    const failure = (type: string) =>
      classifyFailure(byActivity(ApplicationFailure.create({ type, message: "why" })));
    expect(failure("ConnectionError")).toEqual({
      kind: "transient",
      type: "Internal",
      message: "ConnectionError: why",
      gpuSeconds: 0,
    });
    expect(failure("ValueError")).toEqual({
      kind: "permanent",
      type: "Internal",
      message: "ValueError: why",
      gpuSeconds: 0,
    });
  });

  test("a failure marked as final is permanent whatever its type", () => {
    const failure = classifyFailure(byActivity(ApplicationFailure.nonRetryable("why", "StorageUnavailable")));
    expect(failure.kind).toBe("permanent");
  });

  test.each(["ValueError", "TypeError", "Internal"])("%s is a defect, and so permanent", (type) => {
    expect(classifyFailure(byActivity(ApplicationFailure.create({ type, message: "why" }))).kind).toBe(
      "permanent",
    );
  });

  test("an engine that says it died, or fell silent, was lost with the job on board", () => {
    const said = classifyFailure(
      byActivity(ApplicationFailure.create({ type: "EngineLost", message: "signal 9" })),
    );
    expect(said).toMatchObject({ kind: "engineLost", resident: true, silent: false, checkpoint: null });
    const told = { checkpoint: { step: 7 }, gpuSeconds: 2.5 };
    const silent = classifyFailure(byActivity(new TimeoutFailure("late", told, TimeoutType.HEARTBEAT)));
    expect(silent).toMatchObject({ kind: "engineLost", resident: true, silent: true, ...told });
  });

  test("an engine that was asked to stop makes no suspect of its jobs", () => {
    const left = { resident: false, checkpoint: { step: 7 }, gpuSeconds: 1.5 };
    const failure = ApplicationFailure.create({ type: "EngineLost", message: "shut down", details: [left] });
    expect(classifyFailure(byActivity(failure))).toMatchObject({
      kind: "engineLost",
      ...left,
    });
  });

  test("an engine that took no work was lost without the job", () => {
    const failure = classifyFailure(
      byActivity(new TimeoutFailure("late", undefined, TimeoutType.SCHEDULE_TO_START)),
    );
    expect(failure).toMatchObject({ kind: "engineLost", resident: false, checkpoint: null });
  });

  test("a job that runs too long is at fault itself", () => {
    const failure = classifyFailure(
      byActivity(new TimeoutFailure("late", { gpuSeconds: 9 }, TimeoutType.START_TO_CLOSE)),
    );
    expect(failure).toMatchObject({ kind: "permanent", type: "Timeout", gpuSeconds: 9 });
  });

  test.each(["StorageUnavailable", "ModelUnavailable"])("%s tells what was used in vain", (type) => {
    const failure = ApplicationFailure.create({ type, message: "why", details: [{ gpuSeconds: 3 }] });
    expect(classifyFailure(byActivity(failure))).toMatchObject({ gpuSeconds: 3 });
    expect(classifyFailure(byActivity(ApplicationFailure.create({ type })))).toMatchObject({ gpuSeconds: 0 });
  });

  test("a cancel is a cancel, from Temporal and from the job", () => {
    expect(classifyFailure(byActivity(new CancelledFailure("stop"))).kind).toBe("cancelled");
    expect(classifyFailure(byActivity(ApplicationFailure.create({ type: "Cancelled" }))).kind).toBe(
      "cancelled",
    );
  });

  test("every type of the contract has one class", () => {
    const kinds = ErrorType.options.map((type) => classifyFailure(ApplicationFailure.create({ type })).kind);
    const count = (kind: string) => kinds.filter((each) => each === kind).length;
    expect({
      lost: count("engineLost"),
      cancelled: count("cancelled"),
      transient: count("transient"),
    }).toEqual({
      lost: 1,
      cancelled: 1,
      transient: 3,
    });
  });
});

test("people are told what was thrown at the bottom", () => {
  const bottom = ApplicationFailure.nonRetryable("no such model: qwen9", "ModelUnavailable");
  expect(describeFailure(byActivity(bottom))).toEqual({
    type: "ModelUnavailable",
    message: "no such model: qwen9",
  });
  expect(describeFailure(new Error("plain"))).toEqual({ type: "Internal", message: "plain" });
  const defect = ApplicationFailure.nonRetryable("no key", "KeyError");
  expect(describeFailure(byActivity(defect))).toEqual({ type: "Internal", message: "KeyError: no key" });
  expect(describeFailure(byActivity(new CancelledFailure("stop"))).type).toBe("Cancelled");
  expect(describeFailure(byActivity(new TimeoutFailure("late", undefined, TimeoutType.HEARTBEAT))).type).toBe(
    "Timeout",
  );
});
