import type { ApplicationFailure } from "@temporalio/common";
import { describe, expect, it } from "vitest";
import { explainDatabaseError } from "../../../activities/persistence/errors";
import { neverRetried } from "../../../workflows/reliability/failures";

const explained = (code: string) =>
  explainDatabaseError(Object.assign(new Error("why"), { code }), "host/db") as ApplicationFailure;

const isRetried = ({ nonRetryable, type }: ApplicationFailure) =>
  !nonRetryable && !neverRetried.includes(type as string);

describe("what PostgreSQL reports", () => {
  it.each([
    ["57014", "a statement that took too long"],
    ["55P03", "a lock that was not to be had"],
    ["40001", "a serialisation failure"],
    ["40P01", "a deadlock"],
    ["57P01", "a server that is stopped"],
    ["ECONNREFUSED", "a server that is not there"],
  ])("%s, %s, is tried again", (code) => {
    const failure = explained(code);
    expect(failure.type).toBe("StorageUnavailable");
    expect(isRetried(failure)).toBe(true);
  });

  it.each([
    ["42601", "wrong syntax"],
    ["23505", "a value that is there already"],
    ["22P02", "a value of another type"],
  ])("%s, %s, is not", (code) => {
    const failure = explained(code);
    expect(failure).toMatchObject({ type: "Internal", message: "PostgreSQL refused a statement: why" });
    expect(isRetried(failure)).toBe(false);
  });
});
