/** Enough of a SHA-256 that two experiments of one name do not meet by chance. */
const HASH_DIGITS = 12;

/** A run's id: the same experiment gets the same one, so that starting it twice attaches. */
export const runIdFor = (name: string, fingerprint: string): string =>
  `${name}-${fingerprint.slice(0, HASH_DIGITS)}`;

/** The id of the nth deliberate repetition of a run; the first repetition has n = 2. */
export const repetitionOf = (run: string, n: number): string => `${run}-${n}`;
