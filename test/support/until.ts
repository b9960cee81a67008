import { setTimeout as delay } from "node:timers/promises";

const LOOK_EVERY_MS = 25;
const GIVE_UP_AFTER_MS = 60_000;

/** Waits until something holds; what never holds is told by its name. */
export async function until<T>(
  holds: () => T | Promise<T>,
  what: string,
  giveUpAfterMs = GIVE_UP_AFTER_MS,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + giveUpAfterMs;
  for (;;) {
    const found = await holds();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await delay(LOOK_EVERY_MS);
  }
}
