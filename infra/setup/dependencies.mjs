// @ts-check
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readStamp, stampOf, writeStamp } from "./content-stamp.mjs";
import { withLock } from "./lock.mjs";
import { MissingRequirement } from "./missing.mjs";
import { runGroup } from "./process-group.mjs";

/**
 * Installs node_modules from the lockfile, if it is not what the lockfile says already.
 *
 * @param {string} root
 * @param {string} stateDir
 * @param {(line: string) => void} say
 * @param {AbortSignal} [interrupt]
 * @returns {Promise<boolean>} Whether anything was installed.
 */
export async function ensureDependencies(root, stateDir, say, interrupt) {
  if (areInstalled(root)) return false;
  const lock = join(stateDir, "locks", "dependencies.lock");
  return withLock(
    lock,
    async () => {
      if (areInstalled(root)) return false;
      say(`Installing ${countPackages(root)} Node packages from package-lock.json (about 700 MB) …`);
      rmSync(stampPath(root), { force: true });
      await npmCi(root, lock, interrupt);
      if (!isWhole(root))
        throw new MissingRequirement("npm ci left packages out", "run the same command again");
      writeStamp(stampPath(root), wantedStamp(root));
      return true;
    },
    {
      onWait: ({ pid }) => say(`Waiting for the installation that process ${pid} has under way …`),
      signal: interrupt,
    },
  );
}

/**
 * @param {string} root
 * @returns {boolean}
 */
export function areInstalled(root) {
  if (!isWhole(root)) return false;
  const wanted = wantedStamp(root);
  if (readStamp(stampPath(root)) === wanted) return true;
  if (!matchesLockfile(root)) return false;
  writeStamp(stampPath(root), wanted);
  return true;
}

/** @param {string} root */
const stampPath = (root) => join(root, "node_modules", ".belay-stamp");

/** @param {string} root */
function wantedStamp(root) {
  return stampOf(root, [join(root, "package-lock.json")], [process.platform, process.arch]);
}

/** @param {string} root */
const recordPath = (root) => join(root, "node_modules", ".package-lock.json");

/**
 * npm leaves a record of what it installed, written last. No stamp and no record is believed without a look: what they
 * name may have been removed since.
 *
 * @param {string} root
 * @returns {boolean}
 */
function isWhole(root) {
  if (!existsSync(join(root, "node_modules", "node", "bin", "node"))) return false;
  try {
    return Object.keys(packagesOf(recordPath(root))).every((path) => existsSync(join(root, path)));
  } catch {
    // None, or one that was cut off while it was written.
    return false;
  }
}

/**
 * A person may have run `npm install` by hand.
 *
 * @param {string} root
 * @returns {boolean}
 */
function matchesLockfile(root) {
  const wanted = packagesOf(join(root, "package-lock.json"));
  const installed = packagesOf(recordPath(root));
  return Object.entries(wanted).every(
    ([path, { version, optional, link }]) =>
      path === "" || link || installed[path]?.version === version || (optional && !installed[path]),
  );
}

/**
 * @param {string} path
 * @returns {Record<string, { version?: string, optional?: boolean, link?: boolean }>}
 */
function packagesOf(path) {
  return JSON.parse(readFileSync(path, "utf8")).packages ?? {};
}

/** @param {string} root */
function countPackages(root) {
  return Object.keys(packagesOf(join(root, "package-lock.json"))).length - 1;
}

/**
 * Under `npm run` the same npm is used again, under the same Node.
 *
 * @param {string} root
 * @param {string} lock
 * @param {AbortSignal | undefined} interrupt
 * @returns {Promise<void>}
 */
async function npmCi(root, lock, interrupt) {
  const npm = process.env.npm_execpath;
  const [command, ...before] = npm?.endsWith(".js") ? [process.execPath, npm] : ["npm"];
  const args = [...before, "ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const outcome = await runGroup(/** @type {string} */ (command), args, {
    cwd: root,
    lock,
    // Standard output belongs to the command that set-up runs for; npm's goes to standard error.
    stdio: ["ignore", 2, 2],
    interrupt,
  }).catch((error) => {
    if (error.code !== "ENOENT") throw error;
    throw new MissingRequirement("npm was not found", "install npm (it comes with Node from nodejs.org)");
  });
  if (outcome === 0) return;
  throw new MissingRequirement(
    `npm ci ended with ${typeof outcome === "number" ? `code ${outcome}` : outcome} (its own message is above)`,
    "see that the npm registry can be reached and that the disk has space, then run the same command again",
  );
}
