import { describe, expect, it } from "vitest";
import { createPersistenceActivities } from "../../../activities/persistence";
import type { Database } from "../../../activities/persistence/database";
import { closeTrial } from "../../../activities/persistence/trials";
import type { KernelActivities, OpenTrial } from "../../../workflows/contracts";
import { callFrom, failureOf } from "../../support/activity";
import { outcome, record, trial } from "../../support/rows";
import { freshDatabase, sharedByFile } from "../../support/services";

let db: Database;
let activities: Pick<
  KernelActivities,
  "run.record" | "trials.open" | "trials.recordRung" | "trials.recordOutcome"
>;

sharedByFile(async (atEnd) => {
  ({ db } = await freshDatabase(atEnd));
  activities = createPersistenceActivities({ db });
});

const trialRows = async (run: string) =>
  (await db.query("SELECT * FROM trials WHERE run = $1 ORDER BY trial", [run])).rows;

async function startRun(run: string, ...trials: OpenTrial[]) {
  await callFrom("x1", activities["run.record"], record(run));
  await callFrom("x1", activities["trials.open"], { run, trials });
}

describe("trials.open", () => {
  it("writes each trial once, however often it is repeated, and also beside an outcome", async () => {
    const run = "open";
    const trials = [
      trial(run, 0),
      trial(run, 1, { pending: [0], modelBased: true, tellCount: 4, seed: 2 ** 31 - 1 }),
    ];
    await startRun(run, ...trials);
    await callFrom("x1", activities["trials.recordOutcome"], { run, ordinal: 0, outcome: outcome(0) });
    await callFrom("x1", activities["trials.open"], { run, trials });
    expect(await trialRows(run)).toMatchObject([
      { trial: 0, state: "completed", tell_ordinal: 0 },
      { trial: 1, state: "pending", pending: [0], model_based: true, tell_count: 4, seed: 2 ** 31 - 1 },
    ]);
  });

  it("opens a row afresh for another execution, without the rungs of the former one", async () => {
    const run = "afresh";
    await startRun(run, trial(run, 0));
    const report = { trial: 0, rung: 0, step: 10, value: 1, metrics: {} };
    await callFrom("x1", activities["trials.recordRung"], {
      run,
      ordinal: 0,
      report,
      verdict: "continue",
      seen: 1,
    });
    await callFrom("x1", activities["trials.recordOutcome"], { run, ordinal: 0, outcome: outcome(0) });
    await callFrom("x2", activities["trials.open"], { run, trials: [trial(run, 0, { params: { r: 8 } })] });
    expect(await trialRows(run)).toMatchObject([
      { state: "pending", params: { r: 8 }, value: null, tell_ordinal: null, ended_at: null },
    ]);
    expect((await db.query("SELECT FROM rungs WHERE run = $1", [run])).rowCount).toBe(0);
  });

  it("removes what a reset has cut off beyond the trials that are opened anew, and nothing before them", async () => {
    const run = "cut-off";
    await startRun(run, ...[0, 1, 2, 3].map((n) => trial(run, n)));
    const report = { trial: 3, rung: 0, step: 10, value: 1, metrics: {} };
    const rung = { run, ordinal: 0, report, verdict: "continue" as const, seen: 1 };
    await callFrom("x1", activities["trials.recordRung"], rung);
    await db.query(
      `INSERT INTO artifacts (run, name, trial, kind, uri, sha256, size_bytes, media_type)
       VALUES ($1, 'trials/3/metrics.json', 3, 'metrics', 's3://b/x', '', 1, '')`,
      [run],
    );
    await callFrom("x2", activities["trials.open"], { run, trials: [trial(run, 1)] });
    expect(await trialRows(run)).toMatchObject([
      { trial: 0, opened_by: "x1" },
      { trial: 1, opened_by: "x2" },
    ]);
    for (const table of ["rungs", "artifacts"])
      expect((await db.query(`SELECT FROM ${table} WHERE run = $1`, [run])).rowCount).toBe(0);
  });
});

describe("trials.recordOutcome", () => {
  it("is recorded once: an end state is never replaced", async () => {
    const run = "once";
    await startRun(run, trial(run, 0));
    const first = { run, ordinal: 0, outcome: outcome(0, { state: "pruned", value: 0.75 }) };
    await callFrom("x1", activities["trials.recordOutcome"], first);
    const [written] = await trialRows(run);
    await callFrom("x1", activities["trials.recordOutcome"], first);
    await callFrom("x1", activities["trials.recordOutcome"], {
      run,
      ordinal: null,
      outcome: outcome(0, { state: "cancelled", value: null }),
    });
    expect(await trialRows(run)).toEqual([written]);
    expect(written).toMatchObject({
      state: "pruned",
      value: 0.75,
      tell_ordinal: 0,
      gpu_seconds: 2.5,
      metrics: { eval_loss: 0.5 },
    });
  });

  it("keeps the step of the last rung where the outcome, told by another, knows of none", async () => {
    const run = "closed-from-outside";
    await startRun(run, trial(run, 0));
    const report = { trial: 0, rung: 0, step: 50, value: 1, metrics: {} };
    const rung = { run, ordinal: 0, report, verdict: "continue" as const, seen: 1 };
    await callFrom("x1", activities["trials.recordRung"], rung);
    const closed = outcome(0, { state: "failed", value: null, step: 0 });
    await callFrom("x1", activities["trials.recordOutcome"], { run, ordinal: 0, outcome: closed });
    expect(await trialRows(run)).toMatchObject([{ state: "failed", step: 50 }]);
  });

  it("gives an ordinal to a trial that closed its own row, and takes it from another after a reset", async () => {
    const run = "ordinals";
    await startRun(run, trial(run, 0), trial(run, 1));
    await callFrom("x1", activities["trials.recordOutcome"], {
      run,
      ordinal: null,
      outcome: outcome(0, { state: "cancelled" }),
    });
    await callFrom("x1", activities["trials.recordOutcome"], { run, ordinal: 0, outcome: outcome(0) });
    expect(await trialRows(run)).toMatchObject([
      { state: "cancelled", tell_ordinal: 0 },
      { tell_ordinal: null },
    ]);
    await callFrom("x2", activities["trials.recordOutcome"], { run, ordinal: 0, outcome: outcome(1) });
    await callFrom("x2", activities["trials.recordOutcome"], { run, ordinal: 1, outcome: outcome(0) });
    expect(await trialRows(run)).toMatchObject([
      { state: "cancelled", tell_ordinal: 1 },
      { state: "completed", tell_ordinal: 0 },
    ]);
  });

  it("refuses a trial that was never opened", async () => {
    await startRun("never");
    const failed = await failureOf(
      callFrom("x1", activities["trials.recordOutcome"], { run: "never", ordinal: 0, outcome: outcome(7) }),
    );
    expect(failed).toMatchObject({
      type: "NotFound",
      nonRetryable: true,
      message: "trial 7 of never was never opened",
    });
  });
});

describe("closing the row of a trial whose workflow is gone", () => {
  it("closes an open one, and leaves an end on record as it is", async () => {
    const run = "gone";
    await startRun(run, trial(run, 0), trial(run, 1));
    await callFrom("x1", activities["trials.recordOutcome"], { run, ordinal: 0, outcome: outcome(0) });
    const [completed] = await trialRows(run);
    const close = (n: number) => closeTrial(db, trial(run, n).workflowId, "its workflow was terminated");
    expect([await close(0), await close(1), await close(1)]).toEqual([false, true, false]);
    const [first, second] = await trialRows(run);
    expect(first).toEqual(completed);
    expect(second).toMatchObject({ state: "cancelled", error: { message: "its workflow was terminated" } });
  });
});

describe("trials.recordRung", () => {
  it("is recorded once, and moves the trial's step", async () => {
    const run = "rungs";
    await startRun(run, trial(run, 0), trial(run, 1));
    const rung = (n: number, ordinal: number, value: number | null) =>
      callFrom("x1", activities["trials.recordRung"], {
        run,
        ordinal,
        report: { trial: n, rung: 0, step: 75, value, metrics: value === null ? {} : { eval_loss: value } },
        verdict: value === null ? "prune" : "continue",
        seen: 2,
      });
    await rung(0, 0, 0.5);
    await rung(1, 1, null);
    await rung(0, 0, 0.5);
    const { rows } = await db.query(
      "SELECT ordinal, trial, value, verdict FROM rungs WHERE run = $1 ORDER BY ordinal",
      [run],
    );
    expect(rows).toEqual([
      { ordinal: 0, trial: 0, value: 0.5, verdict: "continue" },
      { ordinal: 1, trial: 1, value: null, verdict: "prune" },
    ]);
    expect(await trialRows(run)).toMatchObject([{ step: 75 }, { step: 75 }]);
  });
});
