import { type EpochStart, isOvertaken, type Written } from "./valid";

export interface Collection<Checkpoint> {
  keep: Checkpoint[];
  collect: Checkpoint[];
}

/**
 * Splits a subject's checkpoints into those to keep and those to collect: the newest `limit` on the newest trajectory
 * stay. At least two are kept whatever the limit, so that a damaged newest one has something to fall back to. The one
 * just `committed` stays in any case: where its dispatch began may not be known yet, so that others still seem newer.
 */
export function toKeep<Checkpoint extends Written>(
  checkpoints: readonly Checkpoint[],
  epochs: readonly EpochStart[],
  limit: number,
  committed?: Written,
): Collection<Checkpoint> {
  const newestFirst = [...checkpoints].sort((a, b) => b.step - a.step || b.epoch - a.epoch);
  const valid = newestFirst.filter((checkpoint) => !isOvertaken(checkpoint, epochs));
  const newest = valid.slice(0, Math.max(2, limit));
  const keep = newestFirst.filter(
    (each) => newest.includes(each) || (each.step === committed?.step && each.epoch === committed.epoch),
  );
  return { keep, collect: newestFirst.filter((checkpoint) => !keep.includes(checkpoint)) };
}
