// @ts-check
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { belayHome, SHARED_HOME } from "./home.mjs";
import { isAlive, processSpace, startTimeOf } from "./process-identity.mjs";
import { killAll, processesThat } from "./process-search.mjs";

/**
 * A test run has one folder, which is its TMPDIR: what its tests make lies below it, and what its tests start is known
 * by it, however the run ends. The folder names the checkout and the processes that the run lives in.
 *
 * @typedef {import("./process-identity.mjs").ProcessIdentity} ProcessIdentity
 * @typedef {{ root: string, space: string, owners: ProcessIdentity[] }} Owner
 */

const PREFIX = "belay-tests-";
const OWNER_FILE = "owner.json";

/**
 * @param {string} root The checkout.
 * @returns {string} The folder of a new run, which lives as long as this process does.
 */
export function openTestRun(root) {
  const folder = mkdtempSync(join(tmpdir(), PREFIX));
  // PostgreSQL runs under another account, and reads below this folder.
  chmodSync(folder, 0o755);
  const startTime = startTimeOf(process.pid) ?? "";
  writeOwner(folder, { root, space: processSpace(), owners: [{ pid: process.pid, startTime }] });
  return folder;
}

/**
 * Another process that the run lives in.
 *
 * @param {string} folder
 * @param {number} pid
 */
export function addOwner(folder, pid) {
  const owner = readOwner(folder);
  const startTime = startTimeOf(pid);
  if (owner && startTime) writeOwner(folder, { ...owner, owners: [...owner.owners, { pid, startTime }] });
}

/**
 * Ends whatever a run still has, without asking: nobody needs its data. Then its folder is gone.
 *
 * @param {string} folder
 * @returns {Promise<void>}
 */
export async function clearTestRun(folder) {
  await killAll(() => processesThat((each) => belongsTo(folder, each)));
  removeStacksElsewhere(folder);
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

/**
 * Clears the runs of a checkout that ended without clearing up after themselves.
 *
 * @param {string} root
 * @returns {Promise<string[]>} Their folders.
 */
export async function clearDeadTestRuns(root) {
  const parent = tmpdir();
  const dead = readdirSync(parent)
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => join(parent, name))
    .filter((folder) => isDead(readOwner(folder), root));
  for (const folder of dead) await clearTestRun(folder);
  return dead;
}

/**
 * @param {Owner | undefined} owner
 * @param {string} root
 */
function isDead(owner, root) {
  return owner?.root === root && owner.space === processSpace() && !owner.owners.some(isAlive);
}

/** Where a person's shell is, or was, makes it no part of a run. */
const NOT_TOLD = ["PWD", "OLDPWD"];

/**
 * Whether a process was told by its environment to work in this folder: by TMPDIR, by the tag of its stack's part
 * (infra/dev/processes/leftovers.ts), or as a server is told its home.
 *
 * @param {string} folder
 * @param {import("./process-search.mjs").Candidate} candidate
 */
function belongsTo(folder, { environment }) {
  return environment().some((entry) => {
    const [name = "", value = ""] = entry.split(/=(.*)/s);
    return !NOT_TOLD.includes(name) && `${value}/`.startsWith(`${folder}/`);
  });
}

/**
 * As root, PostgreSQL's folder of a stack that only root can reach lies under BELAY_HOME, or where its
 * account cannot enter that, in the home of all.
 *
 * @param {string} folder
 */
function removeStacksElsewhere(folder) {
  for (const home of new Set([belayHome(), SHARED_HOME]))
    for (const name of entriesOf(join(home, "stacks"))) {
      const stack = join(home, "stacks", name);
      const { stateDir = "" } = readJson(join(stack, "owner.json")) ?? {};
      if (stateDir.startsWith(`${folder}/`)) rmSync(stack, { recursive: true, force: true });
    }
}

/** @param {string} folder */
function entriesOf(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * @param {string} folder
 * @returns {Owner | undefined}
 */
function readOwner(folder) {
  return readJson(join(folder, OWNER_FILE));
}

/**
 * @param {string} folder
 * @param {Owner} owner
 */
function writeOwner(folder, owner) {
  const draft = join(folder, `.${OWNER_FILE}`);
  writeFileSync(draft, JSON.stringify(owner));
  renameSync(draft, join(folder, OWNER_FILE));
}

/** @param {string} path */
function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}
