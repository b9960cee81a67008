import { beforeAll, describe, expect, it } from "vitest";
import { createPersistenceActivities } from "../../../activities/persistence";
import type { Database } from "../../../activities/persistence/database";
import { nextEpoch } from "../../../activities/persistence/epochs";
import { openRuns } from "../../../activities/persistence/runs";
import type { KernelActivities, OpenTrial, RunRecord, TrialOutcome } from "../../../workflows/contracts";
import { callFrom, failureOf } from "../../support/activity";
import { freshDatabase } from "../../support/services";

let db: Database;
let activities: Pick<
  KernelActivities,
  "run.record" | "trials.open" | "trials.recordRung" | "trials.recordOutcome"
>;

beforeAll(async () => {
  ({ db } = await freshDatabase(atEnd));
  activities = createPersistenceActivities({ db });
  return async () => {
    for (const clean of cleanings) await clean();
  };
});

const cleanings: (() => Promise<void>)[] = [];
const atEnd = (clean: () => Promise<void>) => void cleanings.push(clean);

const record = (run: string, change: Partial<RunRecord> = {}): RunRecord => ({
  run,
  name: "a",
  state: "running",
  stage: "search",
  ...change,
});

const trial = (run: string, n: number, change: Partial<OpenTrial> = {}): OpenTrial => ({
  trial: n,
  workflowId: `${run}/trial-${n}`,
  params: { learning_rate: 0.01, r: 4 },
  modelBased: false,
  tellCount: 0,
  pending: [],
  seed: 42,
  replicateOf: null,
  ...change,
});

const outcome = (n: number, change: Partial<TrialOutcome> = {}): TrialOutcome => ({
  trial: n,
  state: "completed",
  value: 0.5,
  step: 100,
  metrics: { eval_loss: 0.5 },
  trainableParams: 1000,
  gpuSeconds: 2.5,
  checkpoint: null,
  adapter: null,
  adapterSha256: null,
  error: null,
  ...change,
});

const runRow = async (run: string) => (await db.query("SELECT * FROM runs WHERE run = $1", [run])).rows[0];
const trialRows = async (run: string) =>
  (await db.query("SELECT * FROM trials WHERE run = $1 ORDER BY trial", [run])).rows;

async function startRun(run: string, ...trials: OpenTrial[]) {
  await callFrom("x1", activities["run.record"], record(run));
  await callFrom("x1", activities["trials.open"], { run, trials });
}

describe("run.record", () => {
  it("clears the rows of an earlier start of the same run, and lets its trials be resumed from", async () => {
    const run = "another-start";
    const of = (chain: string) => record(run, { chain, specSha256: "a".repeat(64), spec: {} });
    const trials = [0, 1, 2].map((n) => trial(run, n));
    const report = { trial: 2, rung: 0, step: 5, value: 1, metrics: {} };
    await callFrom("x1", activities["run.record"], of("x1"));
    await callFrom("x1", activities["trials.open"], { run, trials });
    const rung = { run, ordinal: 0, report, verdict: "continue" as const, seen: 0 };
    await callFrom("x1", activities["trials.recordRung"], rung);
    for (const n of [0, 1, 2]) await nextEpoch(db, run, `${run}/trial-${n}`);
    // Continued as new: the chain is the same.
    await callFrom("x1b", activities["run.record"], of("x1"));
    expect(await trialRows(run)).toHaveLength(3);
    // Not before its spec is known, which may turn out to be wrong.
    await callFrom("x2", activities["run.record"], record(run, { chain: "x2" }));
    expect(await trialRows(run)).toHaveLength(3);
    await callFrom("x2", activities["run.record"], of("x2"));
    expect(await trialRows(run)).toEqual([]);
    expect((await db.query("SELECT FROM rungs WHERE run = $1", [run])).rowCount).toBe(0);
    const again = [trial(run, 0), trial(run, 1, { params: { r: 16 } }), trial(run, 2, { seed: 43 })];
    await callFrom("x2", activities["trials.open"], { run, trials: again });
    await callFrom("x2", activities["run.record"], of("x2"));
    expect(await trialRows(run)).toMatchObject([0, 1, 2].map((n) => ({ trial: n, opened_by: "x2" })));
    const { rows } = await db.query("SELECT floor FROM subjects WHERE run = $1 ORDER BY subject", [run]);
    expect(rows).toEqual([{ floor: 0 }, { floor: 1 }, { floor: 1 }]);
  });

  it("clears the rows of an earlier experiment of the same id with other settings, and none of its own", async () => {
    const run = "other-settings";
    const resolved = (letter: string) =>
      record(run, { specSha256: letter.repeat(64), spec: { name: letter } });
    const report = { trial: 1, rung: 0, step: 5, value: 1, metrics: {} };
    const rung = { run, ordinal: 0, report, verdict: "continue" as const, seen: 0 };
    await callFrom("x1", activities["run.record"], resolved("a"));
    await callFrom("x1", activities["trials.open"], { run, trials: [0, 1].map((n) => trial(run, n)) });
    await callFrom("x1", activities["trials.recordRung"], rung);
    await db.query(
      `INSERT INTO artifacts (run, name, kind, uri, sha256, size_bytes, media_type)
       VALUES ($1, 'trials/1/metrics.json', 'metrics', 's3://b/x', '', 1, '')`,
      [run],
    );
    await db.query("UPDATE subjects SET epoch = 3 WHERE run = $1", [run]);
    const left = async () => [
      ...(await db.query("SELECT trial, opened_by FROM trials WHERE run = $1 ORDER BY trial", [run])).rows,
      ...(await db.query("SELECT rung FROM rungs WHERE run = $1", [run])).rows,
      ...(await db.query("SELECT name FROM artifacts WHERE run = $1", [run])).rows,
    ];
    await callFrom("x2", activities["run.record"], resolved("a"));
    expect(await left()).toHaveLength(4);
    await callFrom("x2", activities["run.record"], resolved("b"));
    expect(await left()).toEqual([]);
    const { rows } = await db.query("SELECT floor FROM subjects WHERE run = $1", [run]);
    expect(rows).toEqual([{ floor: 3 }, { floor: 3 }]);
    await callFrom("x2", activities["trials.open"], { run, trials: [trial(run, 0)] });
    await callFrom("x2", activities["run.record"], resolved("b"));
    expect(await left()).toEqual([{ trial: 0, opened_by: "x2" }]);
  });

  it("lets no trial be resumed from whose files have changed since", async () => {
    const run = "other-files";
    const of = (chain: string, inputs: string) =>
      record(run, { chain, specSha256: "a".repeat(64), inputsSha256: inputs.repeat(64), spec: {} });
    const floors = async () =>
      (await db.query("SELECT floor FROM subjects WHERE run = $1", [run])).rows.map(({ floor }) => floor);
    await callFrom("x1", activities["run.record"], of("x1", "1"));
    await callFrom("x1", activities["trials.open"], { run, trials: [trial(run, 0)] });
    await nextEpoch(db, run, `${run}/trial-0`);
    const startedAt = (await runRow(run))?.created_at;
    await callFrom("x2", activities["run.record"], of("x2", "1"));
    expect(await floors()).toEqual([0]);
    expect((await runRow(run))?.created_at).not.toEqual(startedAt);
    await callFrom("x3", activities["run.record"], of("x3", "2"));
    expect(await floors()).toEqual([1]);
    expect(await trialRows(run)).toEqual([]);
  });

  it("keeps what a later record does not mention", async () => {
    const run = "keeps";
    await callFrom(
      "x1",
      activities["run.record"],
      record(run, { specSha256: "a".repeat(64), spec: { name: "a" } }),
    );
    await callFrom("x1", activities["run.record"], record(run, { best: { trial: 3, value: 0.25 } }));
    await callFrom("x1", activities["run.record"], record(run, { stage: "select" }));
    expect(await runRow(run)).toMatchObject({
      stage: "select",
      spec: { name: "a" },
      best_trial: 3,
      best_value: 0.25,
      ended_at: null,
    });
  });

  it("is not opened again by a late repetition, but by another execution of its workflow", async () => {
    const run = "ended";
    await callFrom(
      "x1",
      activities["run.record"],
      record(run, { state: "failed", error: { type: "Internal", message: "m" } }),
    );
    await callFrom("x1", activities["run.record"], record(run));
    expect(await runRow(run)).toMatchObject({ state: "failed", ended_by: "x1", error: { message: "m" } });
    await callFrom("x2", activities["run.record"], record(run));
    expect(await runRow(run)).toMatchObject({ state: "running", ended_at: null, error: null });
    expect(await openRuns(db, "test")).toContain(run);
  });

  it("survives what JSON may hold and Postgres may not", async () => {
    await callFrom("x1", activities["run.record"], record("nul", { result: { text: "a\u0000b" } }));
    expect((await runRow("nul"))?.result).toEqual({ text: "a\ufffdb" });
  });
});

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
