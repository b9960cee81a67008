import { describe, expect, test } from "vitest";
import { attemptsAfter, backoff, longer } from "../../../../workflows/reliability/backoff";
import {
  afterCrash,
  type Crash,
  type CrashRecord,
  crashesEngine,
  mustRunAlone,
  noCrashes,
} from "../../../../workflows/reliability/crashes";

type Kind = Omit<Crash, "exclusive">;

/** Lives through crashes as the dispatcher would: the seat is exclusive when the rule asks for it. */
const recordOf = (crashes: Kind[]): CrashRecord =>
  crashes.reduce<CrashRecord>(
    (record, crash) => afterCrash(record, { ...crash, exclusive: mustRunAlone(record) }),
    noCrashes,
  );

const onBoard: Kind = { resident: true, silent: false, progress: false };
const notThere: Kind = { ...onBoard, resident: false };
const silence: Kind = { ...onBoard, silent: true };
const furtherOn = (crash: Kind): Kind => ({ ...crash, progress: true });

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

  test("a subject that gets further between crashes is never convicted, whatever took its engines", () => {
    const kinds = [onBoard, silence, notThere].map(furtherOn);
    for (let n = 0; n < 30; n++) {
      const record = recordOf(Array.from({ length: n }, (_, i) => kinds[(i * i + n) % kinds.length] as Kind));
      expect(mustRunAlone(record)).toBe(false);
      expect(crashesEngine(record)).toBe(false);
    }
  });

  test("a crash that it got further before is the first of a new count; a silence is none", () => {
    expect(recordOf([onBoard, onBoard, furtherOn(onBoard)]).resident).toBe(1);
    expect(recordOf([onBoard, onBoard, furtherOn(silence)])).toEqual(noCrashes);
    expect(recordOf([onBoard, furtherOn(notThere)])).toEqual(noCrashes);
    expect(crashesEngine(recordOf([furtherOn(onBoard), onBoard, onBoard]))).toBe(true);
  });

  test("one that brings down machines, which then say nothing, runs alone and comes to an end", () => {
    expect(mustRunAlone(recordOf([silence, silence]))).toBe(true);
    expect(crashesEngine(recordOf(Array(4).fill(silence)))).toBe(false);
    expect(crashesEngine(recordOf(Array(5).fill(silence)))).toBe(true);
    expect(crashesEngine(recordOf([silence, silence, onBoard]))).toBe(true);
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

test("what is waited for in vain is waited for twice as long, at most half an hour", () => {
  const minutes = (count: number) => count * 60_000;
  expect([5, 10, 20, 30].map((wait) => longer(minutes(wait)))).toEqual([10, 20, 30, 30].map(minutes));
  // A wait that was asked to be longer stays as it is.
  expect(longer(minutes(60))).toBe(minutes(60));
});

test("a store that is away is waited for about an hour, other failures for about a minute", () => {
  const waits = (type: string) =>
    Array.from({ length: attemptsAfter(type) - 1 }, (_, n) => backoff(n + 1)).reduce((a, b) => a + b, 0) /
    60_000;
  expect(waits("StorageUnavailable")).toBeGreaterThan(55);
  expect(waits("StorageUnavailable")).toBeLessThan(65);
  expect(waits("DiskFull")).toBeLessThan(2);
});
