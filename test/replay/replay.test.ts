import { Worker } from "@temporalio/worker";
import { DeterminismViolationError } from "@temporalio/workflow";
import { beforeAll, describe, expect, test } from "vitest";
import { quietRuntime, workflowBundle } from "../workflow/support/laboratory";
import { checksum, committedChecksums, readHistory, storedHistories, workflowIdOf } from "./histories";
import { scenarios } from "./scenarios";

quietRuntime();

const replay = async (history: ReturnType<typeof readHistory>): Promise<void> =>
  Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history, workflowIdOf(history));

describe("stored histories", () => {
  test("are exactly those on the list, unchanged", () => {
    const found = new Map(storedHistories().map((name) => [name, checksum(name)]));
    expect(found.size).toBeGreaterThan(0);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(committedChecksums()));
  });

  test.each(scenarios.map(({ name, keep }) => ({ name, keep })))("tell of $name", ({ name, keep }) => {
    const stored = storedHistories();
    for (const kept of [name, ...keep.map((id) => `${name}.${id}`)]) {
      expect(stored.some((file) => file.endsWith(`/${kept}.json`))).toBe(true);
    }
  });
});

describe("today's workflows replay what an earlier release did", () => {
  beforeAll(async () => {
    await workflowBundle();
  });

  test.each(storedHistories())("%s", async (name) => {
    await replay(readHistory(name));
  });

  test("and the gate notices a difference", async () => {
    const name = storedHistories().find((each) => each.endsWith("asynchronous.trial-0.json")) as string;
    const changed = JSON.stringify(readHistory(name)).replaceAll(
      '"name":"training.run"',
      '"name":"training.walk"',
    );
    await expect(replay(JSON.parse(changed))).rejects.toBeInstanceOf(DeterminismViolationError);
  });
});
