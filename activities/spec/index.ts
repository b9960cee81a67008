import type { KernelActivities, ResolvedSpec } from "../../workflows/contracts";
import { resolveSpec } from "./resolve";

/** Checks and completes an experiment, once per run. */
export const createSpecActivities = ({
  code,
}: {
  code: ResolvedSpec["code"];
}): Pick<KernelActivities, "spec.resolve"> => ({
  "spec.resolve": ({ spec }) => resolveSpec(spec, code),
});
