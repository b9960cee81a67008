// @ts-check
import { accessSync, constants, existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { findPython, PYTHON_MINIMUM } from "./python-interpreter.mjs";
import { unprivilegedAccount } from "./unprivileged-account.mjs";

/**
 * @typedef {{ name: string, ok: boolean, found: string, needed: string, remedy: string }} Check
 * @typedef {{ root: string, home: string, env?: NodeJS.ProcessEnv }} Machine
 */

const GB = 1e9;
/** The Python environment takes 6 GB, both servers 0.4 GB, and building and downloading them the rest. */
const HOME_BYTES = 10 * GB;
const HOME_BYTES_ONCE_BUILT = 1 * GB;
const CHECKOUT_BYTES = 1 * GB;

/**
 * What Belay needs of this machine, each with what was found and what to do about it.
 *
 * @param {Machine} machine
 * @returns {Promise<Check[]>}
 */
export async function preflight({ root, home, env = process.env }) {
  return Promise.all([
    checkPlatform(),
    checkNode(process.versions.node),
    checkPython(env),
    checkDisk(
      "disk for BELAY_HOME",
      home,
      existsSync(join(home, "python")) ? HOME_BYTES_ONCE_BUILT : HOME_BYTES,
    ),
    checkDisk("disk for this checkout", root, CHECKOUT_BYTES),
    checkWritable(home),
    checkLoopback(),
    checkAccount(),
  ]);
}

/** @returns {Check} */
function checkPlatform() {
  return {
    name: "system",
    ok: process.platform === "linux" && ["x64", "arm64"].includes(process.arch),
    found: `${process.platform} ${process.arch}`,
    needed: "linux x64 or arm64",
    remedy: "run Belay on Linux (on Windows: inside WSL 2)",
  };
}

/**
 * @param {string} version
 * @returns {Check}
 */
export function checkNode(version) {
  return {
    name: "Node",
    ok: Number(version.split(".")[0]) >= 20,
    found: version,
    needed: ">= 20",
    remedy: "install Node 20 or newer (nodejs.org, nvm, or your distribution's package)",
  };
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Check>}
 */
export async function checkPython(env) {
  const { interpreter, seen } = await findPython(env);
  const withoutInstaller = seen.some((each) => each.endsWith("pip"));
  return {
    name: "Python",
    ok: interpreter !== undefined,
    found: interpreter ? interpreter.version : seen.join(", ") || "none on PATH",
    needed: `>= ${PYTHON_MINIMUM.join(".")} with venv or pip`,
    remedy: withoutInstaller
      ? "install its venv module (Debian, Ubuntu: apt install python3-venv)"
      : "install Python 3.11 or newer with its venv module, or name one by BELAY_PYTHON=/path/to/python3",
  };
}

/**
 * @param {string} name
 * @param {string} folder
 * @param {number} needed
 * @returns {Promise<Check>}
 */
async function checkDisk(name, folder, needed) {
  const { bavail, bsize } = await statfs(nearestExisting(folder));
  return {
    name,
    ok: bavail * bsize >= needed,
    found: `${gigabytes(bavail * bsize)} free`,
    needed: gigabytes(needed),
    remedy: `free some space on the file system of ${folder}, or set BELAY_HOME to a folder on a larger one`,
  };
}

/**
 * @param {string} home
 * @returns {Check}
 */
function checkWritable(home) {
  const folder = nearestExisting(home);
  let ok = true;
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch {
    ok = false;
  }
  return {
    name: "BELAY_HOME",
    ok,
    found: `${folder} is ${ok ? "" : "not "}writable`,
    needed: "writable",
    remedy: "set BELAY_HOME to a folder that you may write to",
  };
}

/** @returns {Promise<Check>} */
function checkLoopback() {
  return new Promise((resolve) => {
    const server = createServer();
    /** @param {boolean} ok @param {string} found */
    const answer = (ok, found) =>
      resolve({
        name: "ports",
        ok,
        found,
        needed: "free ports on 127.0.0.1",
        remedy: "bring the loopback interface up (ip link set lo up) and allow listening on 127.0.0.1",
      });
    server.once("error", (error) => answer(false, error.message));
    server.listen(0, "127.0.0.1", () => server.close(() => answer(true, "127.0.0.1 can be bound")));
  });
}

/** @returns {Check} */
function checkAccount() {
  const isRoot = process.getuid?.() === 0;
  const account = unprivilegedAccount();
  return {
    name: "account",
    ok: !isRoot || account !== undefined,
    found: account ? `root; PostgreSQL will run as ${account.name}` : isRoot ? "root alone" : "not root",
    needed: "as root: an unprivileged account for PostgreSQL",
    remedy: "run Belay as an ordinary user, or see to it that /etc/passwd has the account nobody",
  };
}

/** @param {string} folder */
function nearestExisting(folder) {
  let existing = folder;
  while (!existsSync(existing)) existing = dirname(existing);
  return existing;
}

/** @param {number} bytes */
function gigabytes(bytes) {
  return `${(bytes / GB).toFixed(1)} GB`;
}
