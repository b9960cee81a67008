import { describe, expect, test } from "vitest";
import type { VerifyLevel } from "../../../../../workflows/contracts";
import type { Finding } from "../../../../../workflows/lora/verify/judgement";
import * as judgement from "../../../../../workflows/lora/verify/judgement";

const finding = (level: VerifyLevel, passed: boolean): Finding => ({ level, passed, message: "" });

describe("the level reached", () => {
  const levels: VerifyLevel[] = ["L0", "L1", "L2", "L3"];

  test("is the highest one that passed with all below it; every combination", () => {
    for (let bits = 0; bits < 16; bits++) {
      const findings = levels.map((level, index) => finding(level, ((bits >> index) & 1) === 1));
      const firstFailure = findings.findIndex((each) => !each.passed);
      const verdict = judgement.judge([...findings].reverse());
      expect(verdict.passed).toBe(bits === 15);
      expect(verdict.level).toBe(
        firstFailure === -1 ? "L3" : firstFailure === 0 ? null : levels[firstFailure - 1],
      );
      expect(verdict.details.map((each) => each.level)).toEqual(levels);
    }
  });

  test("is none when nothing was checked, which is no pass", () => {
    expect(judgement.judge([])).toEqual({ level: null, passed: false, details: [] });
    expect(judgement.judge([finding("L1", true)])).toMatchObject({ level: null, passed: true });
    expect(judgement.judge([finding("L2", true), finding("L0", true)])).toMatchObject({ level: "L0" });
  });

  test("L3 is asked for only where bits were promised", () => {
    expect(judgement.defaultLevels(true)).toEqual(levels);
    expect(judgement.defaultLevels(false)).toEqual(["L0", "L1", "L2"]);
  });
});

describe("each level", () => {
  test("L0 names what does not match", () => {
    expect(judgement.hashesFinding({ checked: 5, failures: [] })).toMatchObject({ passed: true });
    const bad = judgement.hashesFinding({ checked: 5, failures: ["report.html: abc, recorded def"] });
    expect(bad).toMatchObject({ passed: false, message: expect.stringContaining("report.html") });
  });

  test.each([
    [{ a: 1 }, { a: 1.0005 }, true],
    [{ a: 1 }, { a: 1.0015 }, false],
    [{ a: 1000 }, { a: 1000.9 }, true],
    [{ a: 1 }, {}, false],
    [{ a: 0 }, { a: 0.0009, b: 5 }, true],
  ])("L1: %j against %j within 0.001: %s", (recorded, measured, passed) => {
    expect(judgement.metricsFinding(recorded, measured as Record<string, number>, 0.001).passed).toBe(passed);
  });

  const curve = [1, 2, 3, 4].map((step) => ({ step, value: 1 / step }));

  test("L2 compares every recorded loss up to the step that was asked for", () => {
    expect(judgement.replayFinding(curve, curve.slice(0, 3), 3, 0)).toMatchObject({ passed: true });
    const off = curve.slice(0, 3).map((point) => (point.step === 2 ? { ...point, value: 0.6 } : point));
    expect(judgement.replayFinding(curve, off, 3, 0.01)).toMatchObject({
      passed: false,
      message: expect.stringContaining("step 2"),
    });
  });

  test("L2 does not pass on a missing step, nor on no steps at all", () => {
    expect(judgement.replayFinding(curve, [curve[0], curve[2]] as typeof curve, 3, 1)).toMatchObject({
      passed: false,
    });
    expect(judgement.replayFinding(curve, [], 4, 1)).toMatchObject({ passed: false });
    expect(judgement.replayFinding([], curve, 4, 1)).toMatchObject({ passed: false });
  });

  test("L2 does not pass on a replay that ended before the step that was asked for", () => {
    expect(judgement.replayFinding(curve, curve.slice(0, 1), 4, 0)).toMatchObject({
      passed: false,
      message: "loss at step 2 was 0.5, now missing (tolerance 0)",
    });
  });

  test("L3 is the same bits or nothing", () => {
    expect(judgement.retrainFinding("aa", "aa", "cpu").passed).toBe(true);
    expect(judgement.retrainFinding("aa", "ab", "cpu").passed).toBe(false);
    expect(judgement.retrainFinding("aa", null, "cpu").passed).toBe(false);
  });
});
