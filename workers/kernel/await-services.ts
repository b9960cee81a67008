import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";

export interface Service<T> {
  name: string;
  connect: () => Promise<T>;
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/** A service that this worker needs did not answer in time; the message says which, and why. */
export class ServiceUnreachable extends Error {
  override readonly name = "ServiceUnreachable";
}

/** Tries until the service answers. Each failure is logged; after `timeoutMs` the last one is the answer. */
export async function awaitService<T>(
  { name, connect }: Service<T>,
  timeoutMs: number,
  log: Logger,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await connect();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (Date.now() + pause > deadline)
        throw new ServiceUnreachable(
          `${name} was not reachable for ${Math.round(timeoutMs / 1000)} seconds: ${reason}`,
        );
      log.warn({ service: name, reason }, "not reachable, trying again");
      await sleep(pause);
    }
  }
}
