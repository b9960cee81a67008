import { type ReproducibilityVerdict, VerifyLevel } from "../../contracts/messages";

export type Finding = ReproducibilityVerdict["details"][number];

const ladder: readonly VerifyLevel[] = VerifyLevel.options;

export const isLevel = (text: string): text is VerifyLevel => (ladder as readonly string[]).includes(text);

/** Levels that are checked unless others are asked for. */
export const defaultLevels = (bitwise: boolean): VerifyLevel[] =>
  bitwise ? ["L0", "L1", "L2", "L3"] : ["L0", "L1", "L2"];

/** Highest level that passed together with all levels below it; passed only if every one that was checked did. */
export function judge(findings: readonly Finding[]): ReproducibilityVerdict {
  const details = [...findings].sort((a, b) => ladder.indexOf(a.level) - ladder.indexOf(b.level));
  const failed = ladder.findIndex((level) => !details.some((found) => found.level === level && found.passed));
  const level = ladder[(failed === -1 ? ladder.length : failed) - 1] ?? null;
  return { level, passed: details.length > 0 && details.every((finding) => finding.passed), details };
}

export const hashesFinding = (answer: { checked: number; failures: string[] }): Finding =>
  answer.failures.length === 0
    ? { level: "L0", passed: true, message: `${answer.checked} artifacts match their hashes` }
    : { level: "L0", passed: false, message: `not as recorded: ${answer.failures.join("; ")}` };

/** Whether every recorded metric was measured again within the tolerance, relative above 1 and absolute below. */
export function metricsFinding(
  recorded: Record<string, number>,
  measured: Record<string, number>,
  tolerance: number,
): Finding {
  const off = Object.entries(recorded)
    .filter(([name, value]) => !isClose(value, measured[name], tolerance))
    .map(([name, value]) => `${name} was ${value}, now ${measured[name] ?? "missing"}`);
  const count = Object.keys(recorded).length;
  return off.length === 0
    ? { level: "L1", passed: true, message: `${count} metrics measured again within ${tolerance}` }
    : { level: "L1", passed: false, message: `${off.join("; ")} (tolerance ${tolerance})` };
}

type Curve = readonly { step: number; value: number }[];

/** Whether the replayed losses follow the recorded ones, at every recorded step up to the one that was asked for. */
export function replayFinding(
  recorded: Curve,
  replayed: Curve,
  upToStep: number,
  tolerance: number,
): Finding {
  const again = new Map(replayed.map((point) => [point.step, point.value]));
  const due = recorded.filter((point) => point.step <= upToStep);
  if (due.length === 0)
    return { level: "L2", passed: false, message: "no recorded loss lies within the replayed steps" };
  const off = due.find((point) => !isClose(point.value, again.get(point.step), tolerance));
  if (off === undefined) {
    return {
      level: "L2",
      passed: true,
      message: `${due.length} losses up to step ${upToStep} replayed within ${tolerance}`,
    };
  }
  const now = again.get(off.step) ?? "missing";
  return {
    level: "L2",
    passed: false,
    message: `loss at step ${off.step} was ${off.value}, now ${now} (tolerance ${tolerance})`,
  };
}

export const divergedFinding = (level: "L2" | "L3", step: number): Finding => ({
  level,
  passed: false,
  message: `the loss was not finite at step ${step} of the repetition`,
});

/** `device`: where the winner was trained. */
export const retrainFinding = (recorded: string, retrained: string | null, device: string): Finding =>
  recorded === retrained
    ? { level: "L3", passed: true, message: `retrained from the manifest: the same adapter, ${recorded}` }
    : {
        level: "L3",
        passed: false,
        message: `retrained adapter is ${retrained ?? "missing"}, recorded was ${recorded}; the same bits are promised on the same hardware only, and it was trained on ${device}`,
      };

const isClose = (recorded: number, measured: number | undefined, tolerance: number): boolean =>
  measured !== undefined && Math.abs(recorded - measured) <= tolerance * Math.max(1, Math.abs(recorded));
