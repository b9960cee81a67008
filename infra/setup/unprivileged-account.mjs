// @ts-check
import { readFileSync } from "node:fs";

/**
 * @typedef {{ name: string, uid: number, gid: number }} Account
 */

/** Accounts that every distribution has and that own nothing worth protecting; none is ever created. */
const CANDIDATES = ["nobody", "daemon"];

/**
 * PostgreSQL refuses to run as root; this is the account to run it under then.
 *
 * @param {number} [uid] Who we are.
 * @param {string} [passwd]
 * @returns {Account | undefined} undefined when we are not root, or no such account exists.
 */
export function unprivilegedAccount(uid = process.getuid?.() ?? -1, passwd = readPasswd()) {
  if (uid !== 0) return undefined;
  for (const wanted of CANDIDATES) {
    for (const line of passwd.split("\n")) {
      const [name, , account, group] = line.split(":");
      if (name === wanted && Number(account) > 0) return { name, uid: Number(account), gid: Number(group) };
    }
  }
  return undefined;
}

function readPasswd() {
  try {
    return readFileSync("/etc/passwd", "utf8");
  } catch {
    return "";
  }
}
