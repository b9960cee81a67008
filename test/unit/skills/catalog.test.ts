import { describe, expect, it } from "vitest";
import { z } from "zod";
import { catalog, operationsByCapability } from "../../../skills/catalog";
import { defineSkill, type Skill } from "../../../skills/define";

describe("skill catalogue", () => {
  it("offers each capability once, under its skill", () => {
    const operations = operationsByCapability();
    expect([...operations.keys()].sort()).toEqual([
      "artifact.publish",
      "artifact.store",
      "artifact.upload",
      "dataset.analyze",
      "model.compare",
      "model.evaluate",
      "model.merge",
      "model.train",
      "search.ask",
      "search.plan",
      "search.selectBest",
      "search.tell",
    ]);
    expect(operations.get("model.train")).toMatchObject({
      skill: "peft-lab/training",
      activity: "training.run",
    });
    expect(() => operationsByCapability([...catalog, ...catalog])).toThrow("both claim");
  });

  it.each(
    catalog.flatMap((skill) => skill.operations.map((operation) => [operation.activity, operation] as const)),
  )("%s has schemas that other languages can read", (_name, { input, output }) => {
    for (const schema of [input, output])
      expect(z.toJSONSchema(schema, { io: "input" })).toHaveProperty("$schema");
  });

  it.each([
    ["no operation", { operations: [] }, "has no operation"],
    [
      "a capability of another form",
      { operations: [{ ...operation(), capability: "Train it" }] },
      "is not a capability",
    ],
    ["no effect", { operations: [{ ...operation(), effects: [] }] }, "declares no effect"],
  ])("refuses a manifest with %s", (_what, change, message) => {
    const skill: Skill = {
      name: "a/b",
      summary: "",
      queue: "ml",
      resources: { gpus: 0, cpus: 1, memoryGiB: 1 },
      ...change,
    };
    expect(() => defineSkill(skill)).toThrow(message);
  });
});

function operation() {
  const [skill] = catalog;
  const [first] = skill?.operations ?? [];
  if (!first) throw new Error("the catalogue is empty");
  return first;
}
