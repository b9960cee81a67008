import type { CheckpointRef } from "../contracts/artifact";
import { type EpochStart, isOvertaken } from "./valid";

export interface Collection {
  keep: CheckpointRef[];
  collect: CheckpointRef[];
}

/**
 * Splits a subject's checkpoints into those to keep and those to collect: the newest `limit` on the newest trajectory
 * stay. At least two are kept whatever the limit, so that a damaged newest one has something to fall back to.
 */
export function toKeep(
  checkpoints: readonly CheckpointRef[],
  epochs: readonly EpochStart[],
  limit: number,
): Collection {
  const newestFirst = [...checkpoints].sort((a, b) => b.step - a.step || b.epoch - a.epoch);
  const valid = newestFirst.filter((checkpoint) => !isOvertaken(checkpoint, epochs));
  const keep = valid.slice(0, Math.max(2, limit));
  return { keep, collect: newestFirst.filter((checkpoint) => !keep.includes(checkpoint)) };
}
