import type { SearchSpec } from "../../contracts/experiment";
import { isModelFree } from "../../contracts/experiment/search";
import type { SearchFacts } from "./state";

/** Why no further trial is proposed, or null while there is one to propose. */
export function stopReason(
  search: Pick<SearchSpec, "num_trials" | "stop">,
  facts: SearchFacts,
): string | null {
  if (facts.phase === "replicates") return "the finalists are being rerun";
  if (facts.exhausted) return "the grid has no further point";
  if (facts.proposed >= search.num_trials) return `all ${search.num_trials} trials were proposed`;
  const { gpu_hours: hours, patience } = search.stop;
  if (hours !== null && facts.gpuSeconds >= hours * 3600) return `${hours} GPU-hours were used`;
  if (patience !== null && facts.sinceImprovement >= patience)
    return `${patience} trials brought no improvement`;
  return null;
}

/**
 * How many trials to propose now. Synchronous: a whole wave once the one before has ended. Asynchronous: enough for the
 * free places, one at a time where a proposal should know of the ones before it; of a wave, all when all can start.
 */
export function askSize(search: SearchSpec, facts: SearchFacts, open: number, freePlaces: number): number {
  if (stopReason(search, facts) !== null) return 0;
  const left = search.num_trials - facts.proposed;
  if (search.deterministic) {
    if (facts.wave !== null || open > 0) return 0;
    return Math.min(left, search.wave_size ?? search.max_concurrent_trials);
  }
  const wanted = search.wave_size ?? (isModelFree(search.sampler) ? Math.max(1, freePlaces) : 1);
  const together = Math.min(left, wanted, Math.max(1, open + freePlaces));
  return freePlaces < together ? 0 : together;
}
