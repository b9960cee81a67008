/** Engines lost with a subject on board since it last got any further. */
export interface CrashRecord {
  resident: number;
  /** A trainer died that it had to itself. */
  alone: boolean;
  /** How often an engine fell silent that it had to itself. */
  silentAlone: number;
}

export const noCrashes: CrashRecord = { resident: 0, alone: false, silentAlone: 0 };

/** Crashes on board of which a subject must prove, alone, that it is not their cause. */
const suspectAfter = 2;

/** Silences of an engine of its own that convict: a subject that brings machines down must come to an end as well. */
const silencesThatConvict = 3;

/** The subject must not share its next engine with any other. */
export const mustRunAlone = (record: CrashRecord): boolean => record.resident >= suspectAfter;

/** The subject is the cause: it brought down an engine that it had to itself. */
export const crashesEngine = (record: CrashRecord): boolean =>
  record.alone || record.silentAlone >= silencesThatConvict;

export interface Crash {
  /** False: the job had not started there, or was sent away, so it is no suspect. */
  resident: boolean;
  /** The engine fell silent: its machine may be gone, for a reason that has nothing to do with the subject. */
  silent: boolean;
  /** The seat was granted to this job alone. */
  exclusive: boolean;
  /** The job has left a newer checkpoint than the one that it had taken up. */
  progress: boolean;
}

/** The record after an engine was lost. Of a subject that got further, the crashes before count no longer. */
export function afterCrash(
  record: CrashRecord,
  { resident, silent, exclusive, progress }: Crash,
): CrashRecord {
  if (progress) return resident && !silent ? { ...noCrashes, resident: 1 } : noCrashes;
  if (!resident) return record;
  return {
    resident: record.resident + 1,
    alone: record.alone || (exclusive && !silent),
    silentAlone: record.silentAlone + (exclusive && silent ? 1 : 0),
  };
}
