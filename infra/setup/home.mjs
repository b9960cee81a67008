// @ts-check
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The folder that holds package-lock.json. Works from the sources and from dist/ alike.
 *
 * @param {string} [from]
 * @returns {string}
 */
export function repositoryRoot(from = dirname(fileURLToPath(import.meta.url))) {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package-lock.json"))) return folder;
    if (folder === dirname(folder)) throw new Error(`no package-lock.json above ${from}`);
  }
}

/** Root's cache: not below anybody's home, so that other accounts can go there. */
export const SHARED_HOME = "/var/cache/belay";

/**
 * Where built binaries and the Python environment are kept, shared by all checkouts of one account. Root's
 * home is closed to other accounts, and PostgreSQL's binaries must be readable by one; hence another default.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @param {number} [uid]
 * @returns {string}
 */
export function belayHome(env = process.env, uid = process.getuid?.() ?? -1) {
  if (env.BELAY_HOME) return resolve(env.BELAY_HOME);
  if (uid === 0) return SHARED_HOME;
  return join(env.XDG_CACHE_HOME ? resolve(env.XDG_CACHE_HOME) : join(homedir(), ".cache"), "belay");
}

/**
 * @param {string} [root]
 * @returns {string}
 */
export function defaultStateDir(root = repositoryRoot()) {
  return join(root, ".belay");
}
