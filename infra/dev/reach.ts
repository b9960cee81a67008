import { mkdirSync, realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { SHARED_HOME } from "../setup/home.mjs";
import { MissingRequirement } from "../setup/missing.mjs";
import type { Account } from "../setup/unprivileged-account.mjs";

/** Whether the account may go into a folder, and so into all folders above it. */
export function canEnter(folder: string, account: Account): boolean {
  for (let path = realpathSync(folder); ; path = dirname(path)) {
    if (!maySearch(statSync(path), account)) return false;
    if (path === dirname(path)) return true;
  }
}

function maySearch(
  { mode, uid, gid }: { mode: number; uid: number; gid: number },
  account: Account,
): boolean {
  if (uid === account.uid) return (mode & 0o100) !== 0;
  if (gid === account.gid) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}

/** BELAY_HOME where the account can go there, else the shared one. */
export function homeWithinReach(home: string, account: Account): string {
  for (const candidate of new Set([home, SHARED_HOME])) {
    mkdirSync(candidate, { recursive: true, mode: 0o755 });
    if (canEnter(candidate, account)) return candidate;
  }
  throw new MissingRequirement(
    `PostgreSQL runs as ${account.name}, and that account cannot go into ${home}`,
    "set BELAY_HOME to a folder that every account may enter",
  );
}
