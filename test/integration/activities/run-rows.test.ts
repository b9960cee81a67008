import { describe, expect, it } from "vitest";
import { createPersistenceActivities } from "../../../activities/persistence";
import type { Database } from "../../../activities/persistence/database";
import { nextEpoch } from "../../../activities/persistence/epochs";
import { openRuns } from "../../../activities/persistence/runs";
import type { KernelActivities } from "../../../workflows/contracts";
import { callFrom } from "../../support/activity";
import { record, trial } from "../../support/rows";
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

const runRow = async (run: string) => (await db.query("SELECT * FROM runs WHERE run = $1", [run])).rows[0];
const trialRows = async (run: string) =>
  (await db.query("SELECT * FROM trials WHERE run = $1 ORDER BY trial", [run])).rows;

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
