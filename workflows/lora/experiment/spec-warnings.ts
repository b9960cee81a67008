import type { ExperimentSpec } from "../../contracts/experiment";

/** What is allowed, and may not be what a person wants. */
export function specWarnings({ search }: Pick<ExperimentSpec, "search">): string[] {
  const measured = search.deterministic && search.stop.gpu_hours !== null;
  return measured
    ? [
        "search.stop.gpu_hours goes by measured time, so this search may stop elsewhere when it is repeated, though search.deterministic is set",
      ]
    : [];
}
