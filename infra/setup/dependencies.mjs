// @ts-check
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readStamp, stampOf, writeStamp } from "./content-stamp.mjs";
import { withLock } from "./lock.mjs";
import { MissingRequirement } from "./missing.mjs";

/**
 * Installs node_modules from the lockfile, if it is not what the lockfile says already.
 *
 * @param {string} root
 * @param {string} stateDir
 * @param {(line: string) => void} say
 * @returns {Promise<boolean>} Whether anything was installed.
 */
export async function ensureDependencies(root, stateDir, say) {
  if (areInstalled(root)) return false;
  return withLock(
    join(stateDir, "locks", "dependencies.lock"),
    async () => {
      if (areInstalled(root)) return false;
      say(`Installing ${countPackages(root)} Node packages from package-lock.json (about 700 MB) …`);
      await npmCi(root);
      writeStamp(stampPath(root), wantedStamp(root));
      return true;
    },
    { onWait: ({ pid }) => say(`Waiting for the installation that process ${pid} has under way …`) },
  );
}

/**
 * @param {string} root
 * @returns {boolean}
 */
export function areInstalled(root) {
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

/**
 * A person may have run `npm install` by hand; npm then leaves a record of what it installed, written last.
 *
 * @param {string} root
 * @returns {boolean}
 */
function matchesLockfile(root) {
  const recordPath = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(recordPath) || !existsSync(join(root, "node_modules", "node", "bin", "node"))) return false;
  const wanted = packagesOf(join(root, "package-lock.json"));
  const installed = packagesOf(recordPath);
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
 * @returns {Promise<void>}
 */
function npmCi(root) {
  const npm = process.env.npm_execpath;
  const [command, ...before] = npm?.endsWith(".js") ? [process.execPath, npm] : ["npm"];
  const args = [...before, "ci", "--no-audit", "--no-fund", "--loglevel=error"];
  return new Promise((resolve, reject) => {
    // Standard output belongs to the command that set-up runs for; npm's goes to standard error.
    const child = spawn(/** @type {string} */ (command), args, { cwd: root, stdio: ["ignore", 2, 2] });
    child.once("error", () =>
      reject(new MissingRequirement("npm was not found", "install npm (it comes with Node from nodejs.org)")),
    );
    child.once("exit", (code) =>
      code === 0
        ? resolve()
        : reject(
            new MissingRequirement(
              `npm ci ended with code ${code} (its own message is above)`,
              "see that the npm registry can be reached and that the disk has space, then run the same command again",
            ),
          ),
    );
  });
}
