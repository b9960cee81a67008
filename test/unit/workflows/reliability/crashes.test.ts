import { describe, expect, test } from "vitest";
import { backoff } from "../../../../workflows/reliability/backoff";
import {
  afterCrash,
  type CrashRecord,
  crashesEngine,
  mustRunAlone,
  noCrashes,
} from "../../../../workflows/reliability/crashes";

/** Lives through crashes as the dispatcher would: the seat is exclusive when the rule asks for it. */
const recordOf = (crashes: { resident: boolean }[]): CrashRecord =>
  crashes.reduce(
    (record, { resident }) => afterCrash(record, { resident, exclusive: mustRunAlone(record) }),
    noCrashes,
  );

const onBoard = { resident: true };
const notThere = { resident: false };

describe("who brings engines down", () => {
  test("one crash proves nothing", () => {
    expect(mustRunAlone(recordOf([onBoard]))).toBe(false);
    expect(crashesEngine(recordOf([onBoard]))).toBe(false);
  });

  test("after two crashes on board it runs alone", () => {
    expect(mustRunAlone(recordOf([onBoard, onBoard]))).toBe(true);
    expect(crashesEngine(recordOf([onBoard, onBoard]))).toBe(false);
  });

  test("a crash while alone convicts it", () => {
    expect(crashesEngine(recordOf([onBoard, onBoard, onBoard]))).toBe(true);
  });

  test("engines that were lost before the job started count for nothing, ever", () => {
    // Every sequence of up to eight crashes, with and without the job on board.
    for (let length = 0; length <= 8; length++) {
      for (let bits = 0; bits < 2 ** length; bits++) {
        const crashes = Array.from({ length }, (_, index) => ((bits >> index) & 1 ? onBoard : notThere));
        const residents = crashes.filter((crash) => crash.resident).length;
        expect(recordOf(crashes).resident).toBe(residents);
        expect(crashesEngine(recordOf(crashes))).toBe(residents >= 3);
      }
    }
  });
});

test("waits double from a second to half a minute", () => {
  expect([1, 2, 3, 4, 5, 6, 7, 50].map(backoff)).toEqual([
    1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000,
  ]);
});
