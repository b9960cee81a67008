import type { KernelActivities } from "../../workflows/contracts";
import type { ObjectStore } from "../artifacts/object-store";
import type { Database } from "../persistence/database";
import { commitCheckpoint } from "./commit";
import { prepareDispatch } from "./prepare";

type CheckpointActivities = Pick<KernelActivities, "dispatch.prepare" | "checkpoint.commit">;

/** Epochs and checkpoints: whose work counts, and where it goes on. */
export const createCheckpointActivities = (deps: {
  db: Database;
  store: ObjectStore;
}): CheckpointActivities => ({
  "dispatch.prepare": (input) => prepareDispatch(deps, input),
  "checkpoint.commit": (input) => commitCheckpoint(deps, input),
});
