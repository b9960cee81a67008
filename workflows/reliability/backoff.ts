/** So many attempts that fail at once take about an hour, with waits of half a minute between them at last. */
export const attemptsInAnHour = 130;

/** Attempts of a job that fails in a way worth retrying. A store or a hub may be away for about an hour. */
export const attemptsAfter = (type: string): number => (type === "StorageUnavailable" ? attemptsInAnHour : 6);

/** Milliseconds to wait before attempt `attempt` (the first retry is attempt 1): 1, 2, 4, ... at most 30 s. */
export const backoff = (attempt: number): number => Math.min(30_000, 1000 * 2 ** (attempt - 1));

const longestWait = 30 * 60_000;

/**
 * Milliseconds to wait after a wait in vain: twice as long, at most half an hour. What is looked for again and again
 * must not fill a history (looking every half hour does, in half a year), nor may an orphan keep an engine for long.
 */
export const longer = (wait: number): number => Math.min(2 * wait, Math.max(wait, longestWait));
