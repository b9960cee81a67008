/** A checkpoint as far as these rules look at it. */
export interface Written {
  step: number;
  epoch: number;
}

/** A dispatch of a subject: where it took the work up again. `fromStep` null: not known (it never reported). */
export interface EpochStart {
  epoch: number;
  fromStep: number | null;
}

/**
 * Whether a checkpoint lies on the newest trajectory. One written by epoch e at step s is overtaken when a later
 * epoch took up the work before s: what that epoch then trained is the truth from there on.
 */
export const isOvertaken = (candidate: Written, epochs: readonly EpochStart[]): boolean =>
  epochs.some(
    (later) => later.epoch > candidate.epoch && later.fromStep !== null && later.fromStep < candidate.step,
  );

/**
 * Checkpoints to resume from, newest first. Without those that a later epoch overtook, those of a dispatch that was
 * never made (`epochs` knows all), and those beyond `maxStep`. Of two at one step the newer epoch's comes first.
 */
export function resumeCandidates<Checkpoint extends Written>(
  candidates: readonly Checkpoint[],
  epochs: readonly EpochStart[],
  maxStep = Number.POSITIVE_INFINITY,
): Checkpoint[] {
  const known = new Set(epochs.map((epoch) => epoch.epoch));
  const seen = new Set<string>();
  return candidates
    .filter((candidate) => known.has(candidate.epoch))
    .filter((candidate) => candidate.step <= maxStep)
    .filter((candidate) => !isOvertaken(candidate, epochs))
    .filter((candidate) => {
      const key = `${candidate.step}/${candidate.epoch}`;
      const first = !seen.has(key);
      seen.add(key);
      return first;
    })
    .sort((a, b) => b.step - a.step || b.epoch - a.epoch);
}
