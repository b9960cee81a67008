import { beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../../activities/persistence/database";
import { createReportActivities } from "../../../activities/report";
import { loadCurves } from "../../../activities/report/load";
import { repositoryRoot } from "../../../infra/setup/home.mjs";
import type { ArtifactRef, StageOutputs } from "../../../workflows/contracts";
import { ref, reportFixture } from "../../support/report-fixture";
import { type FreshStore, freshDatabase, freshStore } from "../../support/services";

const fixture = reportFixture();
const { run } = fixture.run;
let db: Database;
let fresh: FreshStore;
let stages: StageOutputs;

beforeAll(async () => {
  const closings: (() => Promise<void>)[] = [];
  ({ db } = await freshDatabase((clean) => closings.push(clean)));
  fresh = await freshStore();
  const profile = await fresh.store.put(Buffer.from(JSON.stringify(fixture.profile)), "application/json");
  stages = structuredClone(fixture.stages);
  if (stages.dataset) stages.dataset.profile = profile;
  await insertFixture();
  return async () => {
    for (const close of closings) await close();
  };
});

async function insertFixture(): Promise<void> {
  await db.query(
    `INSERT INTO runs (run, name, state, stage, created_at) VALUES ($1, $2, 'finalizing', 'report', $3)`,
    [run, fixture.run.name, fixture.run.createdAt],
  );
  for (const t of fixture.trials) {
    await db.query(
      `INSERT INTO trials (trial_id, run, trial, state, params, model_based, tell_count, pending, seed, tell_ordinal, value, step,
                           trainable_params, gpu_seconds, error, ended_at, opened_by)
       VALUES ($1, $2, $3, $4, $5, $6, $7, '{}', $8, $9, $10, $11, $12, $13, $14, $15, 'test')`,
      [
        t.subject,
        run,
        t.trial,
        t.state,
        JSON.stringify(t.params),
        t.modelBased,
        t.tellCount,
        t.seed,
        t.tellOrdinal,
        t.value,
        t.step,
        t.trainableParams,
        t.gpuSeconds,
        t.error,
        t.endedAt,
      ],
    );
  }
  for (const r of fixture.rungs) {
    await db.query(
      `INSERT INTO rungs (run, ordinal, trial, rung, step, value, metrics, verdict, seen) VALUES ($1, $2, $3, $4, $5, $6, '{}', $7, $8)`,
      [run, r.ordinal, r.trial, r.rung, r.step, r.value, r.verdict, r.seen],
    );
  }
  await db.query(
    `INSERT INTO metrics (trial_id, name, step, value, epoch)
     SELECT subject, name, step, value, 1 FROM jsonb_to_recordset($1) AS c(subject text, name text, step int, value float8)`,
    [JSON.stringify(fixture.curves)],
  );
}

const render = () =>
  createReportActivities({ db, store: fresh.store, root: repositoryRoot() })["report.render"]({
    run,
    stages,
    manifest: ref("manifest", 48_211),
  });

const read = async (artifact: Pick<ArtifactRef, "uri" | "sha256" | "sizeBytes">) =>
  (await fresh.store.get({ ...artifact, mediaType: "" })).toString("utf8");

describe("report.render", () => {
  it("stores both files under the run's name and under their hash, with rows", async () => {
    const { html, markdown } = await render();
    expect(html.uri).toBe(`s3://${fresh.bucket}/runs/${run}/report.html`);
    expect(markdown.uri).toBe(`s3://${fresh.bucket}/runs/${run}/report.md`);
    for (const artifact of [html, markdown]) {
      const byHash = `s3://${fresh.bucket}/objects/sha256/${artifact.sha256}`;
      expect(await read({ ...artifact, uri: byHash })).toBe(await read(artifact));
    }
    const { rows } = await db.query(
      "SELECT name, kind, sha256, media_type FROM artifacts WHERE run = $1 ORDER BY name",
      [run],
    );
    expect(rows).toEqual([
      { name: "report.html", kind: "report", sha256: html.sha256, media_type: "text/html; charset=utf-8" },
      {
        name: "report.md",
        kind: "report",
        sha256: markdown.sha256,
        media_type: "text/markdown; charset=utf-8",
      },
    ]);
  });

  it("reads what is on record: trials, rungs, curves and the stored profile", async () => {
    const page = await read((await render()).html);
    for (const chart of [
      "gain",
      "history",
      "curves-train_loss",
      "curves-eval_loss",
      "parallel",
      "timeline",
      "lengths",
    ]) {
      expect(page).toContain(`data-chart="${chart}"`);
    }
    expect(page).toContain("pruned at step 75: validation loss");
    expect(page).toContain("from the columns prompt and completion");
  });

  it("says how many proposals a model made, and which", async () => {
    const { html, markdown } = await render();
    const [page, text] = [await read(html), await read(markdown)];
    const note = "of 8; the others were start-up draws";
    expect(page).toContain(`<dt>Model-based proposals</dt><dd>4<small>${note}</small></dd>`);
    expect(text).toContain(`- Model-based proposals: **4** (${note})`);
    const rowsOf = (by: string) => [page.split(`<td>${by}</td>`), text.split(`| ${by} |`)];
    for (const by of ["model", "draw"]) expect(rowsOf(by).map((parts) => parts.length - 1)).toEqual([4, 4]);
  });

  it("names the processor that the seconds were spent on", async () => {
    const engine = async (source: string, device: string) => {
      await db.query(
        `INSERT INTO trace_events (run, source, seq, at, kind, data) VALUES ($1, $2, 1, now(), 'engine.environment', $3)`,
        [run, source, JSON.stringify({ device })],
      );
      const { html, markdown } = await render();
      return [await read(html), await read(markdown)];
    };
    for (const text of await engine("engine-a", "cpu AVX512 x2")) {
      expect(text).toContain("CPU time");
      expect(text).not.toContain("GPU");
    }
    for (const text of await engine("engine-b", "cuda:0")) {
      expect(text).toContain("GPU time");
      expect(text).not.toContain("CPU");
    }
  });

  it("renders the same bytes again", async () => {
    expect(await render()).toEqual(await render());
  });

  it("says that a run is unknown", async () => {
    const activities = createReportActivities({ db, store: fresh.store, root: repositoryRoot() });
    await expect(
      activities["report.render"]({ run: "nobody", stages, manifest: ref("manifest") }),
    ).rejects.toMatchObject({ type: "NotFound", message: "no run nobody on record" });
  });

  it("averages a long curve over neighbouring steps, and keeps its last step", async () => {
    await db.query(
      `INSERT INTO metrics (trial_id, name, step, value, epoch) SELECT 'long', 'train_loss', s, s, 1 FROM generate_series(1, 1000) s`,
    );
    const curve = await loadCurves(db, ["long"], ["train_loss"]);
    expect(curve.length).toBeLessThanOrEqual(120);
    expect(curve.at(-1)?.step).toBe(1000);
    const steps = curve.map((p) => p.step);
    expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
    // The first point is the mean of the steps that it covers.
    expect(curve[0]?.value).toBeCloseTo((1 + (curve[0]?.step ?? 0)) / 2, 9);
  });
});
