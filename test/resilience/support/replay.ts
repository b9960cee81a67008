import { Worker } from "@temporalio/worker";
import { workflowBundle } from "../../workflow/support/laboratory";
import type { Rig } from "./rig";

/** Replays the closed execution of a workflow as a worker would that has never seen it. Throws where it differs. */
export async function replay(rig: Rig, workflowId: string): Promise<void> {
  const history = await rig.client.workflow.getHandle(workflowId).fetchHistory();
  await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history, workflowId);
}
