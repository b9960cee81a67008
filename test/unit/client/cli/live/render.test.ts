import { styleText } from "node:util";
import { describe, expect, it } from "vitest";
import { widthOf } from "../../../../../client/cli/live/format";
import { renderLive } from "../../../../../client/cli/live/render";
import { live, STARTED, status, trial } from "./sample";

const shown = (state = live(), columns = 120, rows = 40) => renderLive(state, { columns, rows }).join("\n");

describe("the live view", () => {
  it("shows time, counts, a row per trial, and the best in the last line", () => {
    expect(shown()).toMatchInlineSnapshot(`
      "quickstart-3f1c0a9b27de  running  00:01:23
      http://127.0.0.1:8233/namespaces/default/workflows/quickstart-3f1c0a9b27de
      ✓ resolve  ✓ dataset  ✓ space  ▸ search  · select  · test  · merge  · verify  · report
      Trials 4/8: 4 pending | 2 running | 1 completed | 1 pruned   training 00:00:42
        trial  state      learning_rate  r  step     loss    exact_match
        0      pruned     0.01001        1  75/300   1.235   0.0156
      * 1      completed  0.005006       2  300/300          0.6406
        2      running    0.003337       4  120/300  0.4125  0.2
        3      running    0.002503       8  31/300
      Best so far: trial 1  exact_match 0.6406  learning_rate=0.01001, r=16"
    `);
  });

  it("shows a run that no worker has taken yet", () => {
    expect(
      shown(live({ status: null, trials: [], trouble: "no kernel worker answers; trying again" })),
    ).toMatchInlineSnapshot(`
      "quickstart-3f1c0a9b27de
      http://127.0.0.1:8233/namespaces/default/workflows/quickstart-3f1c0a9b27de
      waiting for a kernel worker to take the run …
      ! no kernel worker answers; trying again"
    `);
  });

  it("says what is under way outside the search", () => {
    const state = live({
      status: status({ stage: "dataset", best: null }),
      trials: [],
      underWay: "tokenising",
    });
    expect(shown(state)).toMatchInlineSnapshot(`
      "quickstart-3f1c0a9b27de  running  00:01:23
      http://127.0.0.1:8233/namespaces/default/workflows/quickstart-3f1c0a9b27de
      ✓ resolve  ▸ dataset  · space  · search  · select  · test  · merge  · verify  · report
      Trials 4/8: 4 pending | 2 running | 1 completed | 1 pruned   training 00:00:42
      ▸ tokenising
      Best so far: none yet"
    `);
  });

  it("counts no trials before it is known how many there will be", () => {
    const state = live({ status: status({ stage: "resolve", numTrials: 0, best: null }), trials: [] });
    expect(shown(state)).not.toContain("Trials");
  });

  it("counts reruns of finalists beside the trials that were asked for", () => {
    const counts = { ...status().counts, pending: 0, running: 1, completed: 8, pruned: 0 };
    const line = shown(live({ status: status({ numTrials: 4, counts }) })).split("\n")[3];
    expect(line).toContain("Trials 4/4 + 5 reruns: 1 running | 8 completed");
  });

  it("stops the clock of a run that has ended", () => {
    const state = live({ now: STARTED + 900_000, endedAt: STARTED + 308_000 });
    expect(shown(state)).toContain("running  00:05:08");
  });

  it("marks every stage as done at the end", () => {
    const stages = shown(live({ status: status({ state: "completed", stage: "verify" }) })).split("\n")[2];
    expect(stages?.match(/✓/g)).toHaveLength(9);
  });

  it("shows trials with different parameters in one table", () => {
    const trials = [
      trial(0, { params: { r: 4, target_modules: ["q_proj", "v_proj"] } }),
      trial(1, { params: { lora_dropout: 0.05 } }),
    ];
    expect(
      shown(live({ trials, progress: new Map() }))
        .split("\n")
        .slice(4, 7),
    ).toMatchInlineSnapshot(`
      [
        "  trial  state    r  target_modules  lora_dropout  step   loss  exact_match",
        "  0      running  4  q_proj+v_proj                 0/300",
        "* 1      running                     0.05          0/300",
      ]
    `);
  });

  it("never leaves the terminal's bounds, whatever they are", () => {
    const many = Array.from({ length: 300 }, (_, i) =>
      trial(i, { state: i < 290 ? "completed" : "running", value: i / 300 }),
    );
    const state = live({ trials: many, trouble: "x".repeat(500) });
    const paint = (style: "bold", text: string) => styleText(style, text, { validateStream: false });
    for (const columns of [2, 10, 40, 80, 200])
      for (const rows of [1, 2, 5, 10, 24, 100]) {
        const lines = renderLive(state, { columns, rows, paint: paint as never });
        expect(lines.length).toBeLessThanOrEqual(Math.max(1, rows - 1));
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
      }
  });

  it("tells who trains from who is queued for an engine, waits for a verdict or is paused", () => {
    const waiting = trial(2, { state: "waiting", rung: 0, step: 75 });
    const trials = [trial(0), trial(1), waiting, trial(3, { state: "paused" })];
    const counts = { ...status().counts, pending: 0, running: 4, completed: 0, pruned: 0 };
    const lines = shown(live({ trials, status: status({ counts }), queued: new Set([1]) }));
    expect(lines).toContain("Trials 4/8: 1 paused | 1 waiting | 1 queued | 1 running | 0 completed");
    expect(lines).toMatch(/^\* 1 +queued/m);
    expect(lines).toMatch(/^ +0 +running/m);
  });

  it("takes the newest value of a trial: what it has measured, or what the search was told since", () => {
    const evaluation = { step: 50, metrics: { exact_match: 0.3 } };
    const progress = new Map([[0, { step: 75, totalSteps: 300, loss: 0.5, evaluation }]]);
    const valueAt = (step: number) => {
      const trials = [trial(0, { rung: 0, step, value: 0.4 })];
      return / 0\.5 +(\S+)$/m.exec(shown(live({ trials, progress })))?.[1];
    };
    expect([valueAt(25), valueAt(75)]).toEqual(["0.3", "0.4"]);
  });

  it("shows running trials and the best one first when not all fit, and how many are hidden", () => {
    const many = Array.from({ length: 50 }, (_, i) =>
      trial(i, { state: i < 45 ? "completed" : "running", value: i / 50 }),
    );
    const lines = renderLive(live({ trials: many }), { columns: 100, rows: 16 });
    const rows = lines
      .filter((line) => /^[ *] \d+ /.test(line))
      .map((line) => Number(line.slice(2).split(" ")[0]));
    expect(rows).toEqual([1, 43, 44, 45, 46, 47, 48, 49]);
    expect(lines).toContain("  … and 42 more");
    expect(lines.at(-1)).toMatch(/^Best so far: trial 1 /);
  });

  it("keeps control characters of parameters and errors away from the terminal", () => {
    const state = live({
      trials: [trial(0, { params: { lr_scheduler_type: "a\x1b[2Jb\nc" } })],
      underWay: "x\x1b]0;title\x07",
    });
    expect([...shown(state)].filter((char) => char < " " && char !== "\n")).toEqual([]);
    expect(shown(state).split("\n")).toHaveLength(8);
  });
});
