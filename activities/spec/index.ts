import { isRunId, type KernelActivities, type ResolvedSpec, RUN_ID_RULE } from "../../workflows/contracts";
import { failure } from "../failure";
import { resolveSpec } from "./resolve";

/** Checks and completes an experiment, once per run. */
export const createSpecActivities = ({
  code,
}: {
  code: ResolvedSpec["code"];
}): Pick<KernelActivities, "spec.resolve"> => ({
  "spec.resolve": async ({ run, spec }) => {
    // Whoever starts a workflow outside of our client names it as Temporal allows.
    if (!isRunId(run))
      throw failure("InvalidSpec", `workflow id ${JSON.stringify(run)}: a run's id has ${RUN_ID_RULE}`);
    return resolveSpec(spec, code);
  },
});
