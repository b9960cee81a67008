import { createHash } from "node:crypto";
import { createServer } from "node:net";
import { readJson, writeJson } from "./json-file";
import { waitUntil } from "./wait";

/** Below the range from which the system takes ports for outgoing connections, so that none is lost to one. */
const FIRST_PORT = 20_000;
const PORT_COUNT = 9_000;

/**
 * A killed process is gone before the last of its threads has let go of its sockets. A server that moved to another
 * port at once would be lost to all who know its address.
 */
const RELEASED_WITHIN_MS = 5_000;

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Loopback ports by name, remembered in a file: a stack that comes up again has the addresses it had. */
export class PortBook {
  private readonly given = new Map<string, number>();

  constructor(
    private readonly path: string,
    private readonly releasedWithinMs = RELEASED_WITHIN_MS,
  ) {
    for (const [name, port] of Object.entries(readJson<Record<string, number>>(path) ?? {}))
      if (Number.isInteger(port)) this.given.set(name, port);
  }

  /** The port last given to the name. */
  remembered(name: string): number | undefined {
    return this.given.get(name);
  }

  /** The remembered port if it is free or soon will be, else another free one, which is then remembered. */
  async take(name: string): Promise<number> {
    const before = this.given.get(name);
    if (before !== undefined && (await waitUntil(() => isFree(before), this.releasedWithinMs))) return before;
    for (const port of candidates(`${this.path} ${name}`)) {
      if (this.isGiven(port)) continue;
      // Noted before the wait, as another part of this stack may look for a port at the same time.
      this.given.set(name, port);
      if (!(await isFree(port))) continue;
      writeJson(this.path, Object.fromEntries(this.given));
      return port;
    }
    throw new Error(`no free port on 127.0.0.1 between ${FIRST_PORT} and ${FIRST_PORT + PORT_COUNT}`);
  }

  private isGiven(port: number): boolean {
    return [...this.given.values()].includes(port);
  }
}

/** Every checkout starts its search elsewhere, so that two that come up at once do not try the same ports. */
function* candidates(seed: string): Generator<number> {
  const start = createHash("sha256").update(seed).digest().readUInt32BE() % PORT_COUNT;
  for (let i = 0; i < PORT_COUNT; i++) yield FIRST_PORT + ((start + i) % PORT_COUNT);
}
