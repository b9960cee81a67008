import { createHash } from "node:crypto";
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { cp } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ensureArtifact } from "../../setup/artifact";
import { MissingRequirement } from "../../setup/missing.mjs";
import { silent } from "../../setup/report";
import type { Account } from "../../setup/unprivileged-account.mjs";
import { readJson, writeJson } from "../json-file";
import { isOwn } from "../ownership";
import { canEnter, homeWithinReach } from "../reach";

/**
 * PostgreSQL's folder of a stack. As root the server runs as another account, which must be able to get there;
 * from a checkout whose parents only root can enter, the folder moves to BELAY_HOME and leaves a link behind.
 */
export function postgresFolder(place: string, home: string, account: Account | undefined): string {
  const folder =
    linkTarget(place) ??
    (account && !isWithinReach(place, account) ? elsewhere(place, home, account) : place);
  // Also where the stack was moved: its former place is somebody else's from now on.
  if (folder !== place) own(folder, place);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (account) chownSync(folder, account.uid, account.gid);
  return folder;
}

/** Notes down whose folder it is, and leaves the link to it; data that has been there so far goes along. */
function own(folder: string, place: string): void {
  writeJson(ownerFileOf(folder), ownerAt(place));
  const found = lstatSync(place, { throwIfNoEntry: false });
  if (found?.isSymbolicLink()) return;
  // The link is there, under another name, before the data moves: cut off in between, the move is finished next time.
  const link = linkToBe(place);
  rmSync(link, { force: true });
  symlinkSync(folder, link);
  if (found) moveData(place, folder);
  renameSync(link, place);
}

function moveData(place: string, folder: string): void {
  try {
    renameSync(place, folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    throw new MissingRequirement(
      `PostgreSQL's account cannot enter ${place}, and its data cannot be moved to another file system (${folder})`,
      "set BELAY_HOME to a folder of the checkout's file system, or let that account enter the folders above it",
    );
  }
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
  const stacks = join(homeWithinReach(home, account), "stacks");
  for (let attempt = 0; ; attempt++) {
    const folder = join(stacks, nameOf(place, attempt), "postgres");
    // Whoever had this place before may have been moved, and come back for it.
    const isUnused =
      !existsSync(folder) && readJson<Owner>(ownerFileOf(folder))?.inode === ownerAt(place).inode;
    if (existsSync(dirname(folder)) && !isUnused) continue;
    mkdirSync(dirname(folder), { recursive: true, mode: 0o755 });
    return folder;
  }
}

/** A stack that was moved keeps the name of its former place, where another one may be made since. */
function nameOf(place: string, attempt = 0): string {
  const seed = attempt === 0 ? place : `${place} ${attempt}`;
  return createHash("sha256").update(seed).digest("hex").slice(0, 16);
}

function linkTarget(place: string): string | undefined {
  if (!existsSync(place) && isLink(linkToBe(place))) renameSync(linkToBe(place), place);
  if (!isLink(place)) return undefined;
  const target = readlinkSync(place);
  // A link that was copied along with a checkout points to the folder of the original's stack.
  if (existsSync(dirname(target)) && isOwnedFrom(place, target)) return target;
  rmSync(place);
  return undefined;
}

function isOwnedFrom(place: string, folder: string): boolean {
  const file = ownerFileOf(folder);
  // An earlier version named the folder after its owner, and wrote down nothing else.
  if (!existsSync(file)) return folder.includes(nameOf(place));
  const owner = readJson<Owner>(file);
  // One that cannot be read is no reason to leave the data.
  return owner === undefined || owner.inode === ownerAt(place).inode || isOwn(owner.stateDir, dirname(place));
}

/** The state folder of a stack: a move keeps the inode, a copy has another. */
interface Owner {
  stateDir: string;
  inode: string;
}

function ownerAt(place: string): Owner {
  const stateDir = dirname(place);
  const { dev, ino } = statSync(stateDir);
  return { stateDir, inode: `${dev}:${ino}` };
}

/** Beside the data. */
const ownerFileOf = (folder: string): string => join(dirname(folder), "owner.json");

const linkToBe = (place: string): string => `${place}.link`;

const isLink = (path: string): boolean =>
  lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
