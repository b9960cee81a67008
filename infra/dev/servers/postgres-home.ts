import { createHash } from "node:crypto";
import { chownSync, existsSync, lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { cp } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ensureArtifact } from "../../setup/artifact";
import { silent } from "../../setup/report";
import type { Account } from "../../setup/unprivileged-account.mjs";
import { canEnter, homeWithinReach } from "../reach";

/**
 * PostgreSQL's folder of a stack. As root the server runs as another account, which must be able to get there;
 * from a checkout whose parents only root can enter, the folder moves to BELAY_HOME and leaves a link behind.
 */
export function postgresFolder(place: string, home: string, account: Account | undefined): string {
  const moved = linkTarget(place);
  const folder =
    moved ?? (account && !isWithinReach(place, account) ? elsewhere(place, home, account) : place);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (account) chownSync(folder, account.uid, account.gid);
  if (folder !== place && !moved) symlinkSync(folder, place);
  return folder;
}

/** Removes the folder of a stack that is down, wherever it is. */
export function removePostgresFolder(place: string): void {
  const moved = linkTarget(place);
  if (moved) rmSync(dirname(moved), { recursive: true, force: true });
  rmSync(place, { recursive: true, force: true });
}

/** PostgreSQL's programs, where the account can run them: a copy, if they lie out of its reach. */
export async function programsWithinReach(
  bin: string,
  home: string,
  account: Account | undefined,
): Promise<string> {
  if (!account || canEnter(bin, account)) return bin;
  const install = dirname(bin);
  const recipe = {
    kind: "postgres",
    inputs: [install],
    build: (draft: string) =>
      cp(install, join(draft, "install"), { recursive: true, verbatimSymlinks: true }),
  };
  return join(await ensureArtifact(homeWithinReach(home, account), recipe, silent), "install", "bin");
}

function isWithinReach(place: string, account: Account): boolean {
  mkdirSync(dirname(place), { recursive: true });
  return canEnter(dirname(place), account);
}

function elsewhere(place: string, home: string, account: Account): string {
  const stack = createHash("sha256").update(place).digest("hex").slice(0, 16);
  const parent = join(homeWithinReach(home, account), "stacks", stack);
  mkdirSync(parent, { recursive: true, mode: 0o755 });
  return join(parent, "postgres");
}

function linkTarget(place: string): string | undefined {
  if (!lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink()) return undefined;
  const target = readlinkSync(place);
  // A link that was copied along with a checkout points to the folder of the original's stack.
  const isOurs = target.includes(createHash("sha256").update(place).digest("hex").slice(0, 16));
  if (isOurs && existsSync(dirname(target))) return target;
  rmSync(place);
  return undefined;
}
