import { setTimeout as delay } from "node:timers/promises";

const LOOK_EVERY_MS = 50;

/** Looks until the condition holds; false when the time is over before. */
export async function waitUntil(
  condition: () => Promise<boolean> | boolean,
  withinMs: number,
): Promise<boolean> {
  for (const end = Date.now() + withinMs; ; await delay(LOOK_EVERY_MS)) {
    if (await condition()) return true;
    if (Date.now() > end) return false;
  }
}

/** The answer, or undefined when it takes too long or fails. */
export async function answerWithin<T>(answer: Promise<T>, withinMs: number): Promise<T | undefined> {
  const tooLate = new AbortController();
  const late = delay(withinMs, undefined, { signal: tooLate.signal }).catch(() => undefined);
  try {
    return await Promise.race([answer.catch(() => undefined), late]);
  } finally {
    tooLate.abort();
  }
}

/** The answer, unless the signal aborts before; what was asked for goes on then, unheeded. */
export async function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return answer;
  let giveUp = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    giveUp = () => reject(signal.reason);
    if (signal.aborted) giveUp();
    else signal.addEventListener("abort", giveUp);
  });
  try {
    return await Promise.race([answer, aborted]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
