import { describe, expect, it } from "vitest";
import { parseTrialId, trialId } from "../../../workflows/contracts";

describe("a trial's id", () => {
  it.each([
    { run: "support-bot-1", trial: 0 },
    { run: "team/bot", trial: 12 },
  ])("of %j is read back", ({ run, trial }) => {
    expect(parseTrialId(trialId(run, trial))).toEqual({ run, trial });
  });

  it.each(["support-bot-1", "bot/verify", "bot/trial-x", "bot/trial-1/eval", "trial-1", ""])(
    "is not %j",
    (id) => {
      expect(parseTrialId(id)).toBeUndefined();
    },
  );
});
