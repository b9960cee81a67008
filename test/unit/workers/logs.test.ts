import { describe, expect, it } from "vitest";
import { subjectOf } from "../../../workers/logs";

describe("a log line's subject", () => {
  it.each([
    ["support-bot-1", { run: "support-bot-1" }],
    ["support-bot-1/trial-12", { run: "support-bot-1", trial: 12 }],
    ["support-bot-1/verify", { run: "support-bot-1" }],
    ["support-bot-1/trial-x", { run: "support-bot-1" }],
    [undefined, {}],
    ["", {}],
  ])("of workflow %j is %j", (workflowId, subject) => {
    expect(subjectOf(workflowId)).toEqual(subject);
  });
});
