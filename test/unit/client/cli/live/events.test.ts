import { describe, expect, it } from "vitest";
import { newLines } from "../../../../../client/cli/live/events";
import { live, STARTED, status, trial } from "./sample";

describe("lines for logs and pipes", () => {
  it("tell the beginning", () => {
    expect(newLines(null, live())).toMatchInlineSnapshot(`
      [
        "[00:01:23] run quickstart-3f1c0a9b27de, http://127.0.0.1:8233/namespaces/default/workflows/quickstart-3f1c0a9b27de",
        "[00:01:23] stage search",
        "[00:01:23] trial 0 pruned at step 75/300, exact_match 0.0156",
        "[00:01:23] trial 1 completed at step 300/300, exact_match 0.6406",
        "[00:01:23] trial 2 running: learning_rate=0.003337, r=4",
        "[00:01:23] trial 2 at step 75/300, loss 0.4125, exact_match 0.12",
        "[00:01:23] trial 3 running: learning_rate=0.002503, r=8",
        "[00:01:23] best so far: trial 1, exact_match 0.6406 (learning_rate=0.01001, r=16)",
      ]
    `);
  });

  it("have the time of a run's end, however late one looks", () => {
    const ended = live({ now: STARTED + 900_000, endedAt: STARTED + 308_000 });
    expect(new Set(newLines(null, ended).map((line) => line.slice(0, 10)))).toEqual(new Set(["[00:05:08]"]));
  });

  it("are silent when nothing happened", () => {
    expect(newLines(live(), live({ now: live().now + 60_000 }))).toEqual([]);
  });

  it("tell each change once", () => {
    const after = live({
      status: status({
        stage: "select",
        state: "paused",
        best: { trial: 3, value: 0.8, params: { r: 8 } },
        warnings: ["rows dropped"],
      }),
      trials: [
        ...live().trials.slice(0, 2),
        trial(2, { rung: 1, step: 150, value: 0.3 }),
        trial(3, { state: "completed", step: 300, value: 0.8 }),
        trial(4, { state: "failed", step: 10 }),
      ],
    });
    expect(newLines(live(), after)).toMatchInlineSnapshot(`
      [
        "[00:01:23] stage select",
        "[00:01:23] run paused",
        "[00:01:23] warning: rows dropped",
        "[00:01:23] trial 2 at step 150/300, loss 0.4125, exact_match 0.3",
        "[00:01:23] trial 3 completed at step 300/300, exact_match 0.8",
        "[00:01:23] trial 4 failed at step 10/300",
        "[00:01:23] best so far: trial 3, exact_match 0.8 (r=8)",
      ]
    `);
    expect(newLines(after, after)).toEqual([]);
  });

  it("tell once what fails and is tried again", () => {
    const failing = live({ retried: "reading the data set failed: Postgres does not answer" });
    expect(newLines(live(), failing)).toEqual([
      "[00:01:23] reading the data set failed: Postgres does not answer; trying again",
    ]);
    expect(newLines(failing, failing)).toEqual([]);
  });

  it("tell a trouble when it begins and when it is over", () => {
    const troubled = live({ trouble: "Temporal does not answer at 127.0.0.1:7233; trying again" });
    expect(newLines(live(), troubled)).toEqual([
      "[00:01:23] Temporal does not answer at 127.0.0.1:7233; trying again",
    ]);
    expect(newLines(troubled, troubled)).toEqual([]);
    expect(newLines(troubled, live())).toEqual(["[00:01:23] answered again"]);
  });
});
