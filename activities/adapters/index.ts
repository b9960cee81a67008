import type { KernelActivities } from "../../workflows/contracts";
import type { ObjectStore } from "../artifacts/object-store";
import type { Database } from "../persistence/database";
import { publishWinner } from "./publish";
import { storeTrial } from "./store-trial";

type AdapterActivities = Pick<KernelActivities, "artifact.store" | "artifact.publish">;

/** Adapters, metrics and merged models under the names that people look for. */
export const createAdapterActivities = (deps: { db: Database; store: ObjectStore }): AdapterActivities => ({
  "artifact.store": (input) => storeTrial(deps, input),
  "artifact.publish": ({ run, stages }) => publishWinner(deps, run, stages),
});
