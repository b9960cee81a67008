/** How often a subject was on board when an engine died, and whether it was there alone the last time. */
export interface CrashRecord {
  resident: number;
  alone: boolean;
}

export const noCrashes: CrashRecord = { resident: 0, alone: false };

/** Crashes on board of which a subject must prove, alone, that it is not their cause. */
const suspectAfter = 2;

/** The subject must not share its next engine with any other. */
export const mustRunAlone = (record: CrashRecord): boolean => record.resident >= suspectAfter;

/** The subject is the cause: it brought down an engine that it had to itself. */
export const crashesEngine = (record: CrashRecord): boolean => record.alone;

/**
 * The record after an engine was lost. `resident` false: the job had not started there, so it is no suspect.
 * `exclusive`: the seat was granted to this job alone.
 */
export const afterCrash = (
  record: CrashRecord,
  crash: { resident: boolean; exclusive: boolean },
): CrashRecord =>
  crash.resident ? { resident: record.resident + 1, alone: record.alone || crash.exclusive } : record;
