import type { KernelActivities } from "../../workflows/contracts";
import type { ObjectStore } from "../artifacts/object-store";
import { failure } from "../failure";
import type { Database } from "../persistence/database";
import { recordReproducibility } from "../persistence/runs";
import { checkHashes } from "./hashes";

type VerifyActivities = Pick<KernelActivities, "reproducibility.hashes" | "reproducibility.record">;

/** What verification reads and writes besides running jobs again. */
export const createVerifyActivities = (deps: { db: Database; store: ObjectStore }): VerifyActivities => ({
  "reproducibility.hashes": ({ run }) => checkHashes(deps, run),
  "reproducibility.record": async ({ run, verdict }) => {
    if (!(await recordReproducibility(deps.db, run, verdict)))
      throw failure("NotFound", `there is no run ${run}`);
  },
});
