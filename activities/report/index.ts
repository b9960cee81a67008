import type { KernelActivities } from "../../workflows/contracts";
import type { ObjectStore } from "../artifacts/object-store";
import { listArtifacts } from "../persistence/artifacts";
import type { Database } from "../persistence/database";
import { listRungs } from "../persistence/read-rungs";
import { listTrials } from "../persistence/read-trials";
import { buildReportData, objectiveOf, trialsAndDrawn } from "./data/build";
import { curveNames } from "./data/curves";
import { loadAssets } from "./html/assets";
import { renderHtml } from "./html/page";
import { loadCurves, loadProfile, loadRun } from "./load";
import { renderMarkdown } from "./markdown/document";
import { publish } from "./publish";

export interface ReportDependencies {
  db: Database;
  store: ObjectStore;
  /** The folder of package.json. */
  root: string;
}

/** The report is a pure function of the record, so that rendering it again changes nothing. */
export const createReportActivities = (
  deps: ReportDependencies,
): Pick<KernelActivities, "report.render"> => ({
  "report.render": async ({ run, stages, manifest }) => {
    const { db, store } = deps;
    const [row, stored, rungs, artifacts, profile] = await Promise.all([
      loadRun(db, run),
      listTrials(db, run),
      listRungs(db, run),
      listArtifacts(db, run),
      loadProfile(store, stages.dataset?.profile ?? null),
    ]);
    const trials = stored.map((trial) => ({ ...trial, subject: trial.workflowId }));
    const { drawn } = trialsAndDrawn({ trials, rungs, stages });
    const curves = await loadCurves(
      db,
      drawn.map((t) => t.subject),
      curveNames(objectiveOf(stages)),
    );
    const data = buildReportData({ run: row, stages, manifest, profile, trials, rungs, curves, artifacts });
    return {
      html: await publish(deps, run, {
        name: "report.html",
        text: renderHtml(data, await loadAssets(deps.root)),
        mediaType: "text/html; charset=utf-8",
      }),
      markdown: await publish(deps, run, {
        name: "report.md",
        text: renderMarkdown(data),
        mediaType: "text/markdown; charset=utf-8",
      }),
    };
  },
});
