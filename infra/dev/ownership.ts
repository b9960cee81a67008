import { existsSync } from "node:fs";

/**
 * Whether what a state folder remembers is of the stack in that folder. One that was copied remembers the stack of the
 * folder that it was copied from, which is still there; one that was moved remembers its own.
 *
 * @param remembered the state folder in which it was written down; undefined: an earlier version did not say.
 */
export const isOwn = (remembered: string | undefined, stateDir: string): boolean =>
  remembered === undefined || remembered === stateDir || !existsSync(remembered);
