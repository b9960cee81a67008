import { activityInfo } from "@temporalio/activity";
import type { KernelActivities } from "../../workflows/contracts";
import { loadPlan } from "./load";
import { type ManifestDependencies, writeManifest } from "./write";

type ManifestActivities = Pick<KernelActivities, "manifest.write" | "manifest.load">;

/** The statement of what a result rests on, and the plan to check it. */
export const createManifestActivities = (deps: ManifestDependencies): ManifestActivities => ({
  "manifest.write": ({ run, stages }) =>
    writeManifest(deps, run, stages, activityInfo().workflowExecution?.runId ?? ""),
  "manifest.load": ({ run }) => loadPlan(deps, run),
});
