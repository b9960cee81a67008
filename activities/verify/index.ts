import type { KernelActivities } from "../../workflows/contracts";
import { failure } from "../failure";
import { recordReproducibility } from "../persistence/runs";
import { checkHashes, type HashDependencies } from "./hashes";

type VerifyActivities = Pick<KernelActivities, "reproducibility.hashes" | "reproducibility.record">;

/** What verification reads and writes besides running jobs again. */
export const createVerifyActivities = (deps: HashDependencies): VerifyActivities => ({
  "reproducibility.hashes": ({ run }) => checkHashes(deps, run),
  "reproducibility.record": async ({ run, verdict }) => {
    if (!(await recordReproducibility(deps.db, run, verdict)))
      throw failure("NotFound", `there is no run ${run}`);
  },
});
