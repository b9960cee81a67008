import { setTimeout as delay } from "node:timers/promises";
import { Interrupted } from "./failures";

/** How long a command may take to put its view away and say what goes on. */
const END_WITHIN_MS = 3000;

/** A command's end. After Ctrl-C that has to come soon: what still holds it up then is left behind. */
export async function unlessInterrupted<T>(
  command: Promise<T>,
  interrupt: AbortSignal,
  endWithinMs = END_WITHIN_MS,
): Promise<T> {
  const ended = new AbortController();
  const overdue = async (): Promise<never> => {
    await aborted(interrupt, ended.signal);
    await delay(endWithinMs, undefined, { signal: ended.signal });
    throw new Interrupted("belay: interrupted");
  };
  try {
    return await Promise.race([command, overdue()]);
  } finally {
    ended.abort();
  }
}

/** Waits for the abort; rejects when the wait itself is given up. */
function aborted(signal: AbortSignal, givenUp: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true, signal: givenUp });
    givenUp.addEventListener("abort", () => reject(givenUp.reason), { once: true });
  });
}
