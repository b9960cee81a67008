// @ts-check
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isAlive, processSpace, startTimeOf } from "./process-identity.mjs";

/**
 * A lock is a file that names its holder. It is taken by linking a finished file into place, so that nobody
 * ever sees one half-written, and broken when its holder is dead.
 *
 * @typedef {{ pid: number, startTime: string, space: string, nonce: string }} Holder
 * @typedef {{ onWait?: (holder: Holder) => void, pollMs?: number, signal?: AbortSignal }} LockOptions
 */

const TOUCH_EVERY_MS = 10_000;
/** A holder in another process space cannot be looked up; it counts as dead when it stops touching its lock. */
const FOREIGN_HOLDER_DEAD_AFTER_MS = 60_000;
/** Breaking a lock takes microseconds: a breaker this old was left by a process that died in between. */
const BREAKER_DEAD_AFTER_MS = 10_000;

/**
 * Runs `body` while holding the lock at `path`; waits for another living holder, until `signal` aborts.
 *
 * @template T
 * @param {string} path
 * @param {() => Promise<T>} body
 * @param {LockOptions} [options]
 * @returns {Promise<T>}
 */
export async function withLock(path, body, options = {}) {
  const release = await acquire(path, options);
  try {
    return await body();
  } finally {
    release();
  }
}

/**
 * @param {string} path
 * @param {LockOptions} [options]
 * @returns {Promise<() => void>} Releases the lock.
 */
export async function acquire(path, { onWait, pollMs = 200, signal } = {}) {
  mkdirSync(dirname(path), { recursive: true });
  const mine = thisHolder();
  let waitedFor = "";
  while (!tryTake(path, mine)) {
    const holder = readHolder(path);
    if (!holder) continue;
    if (isDead(path, holder)) {
      if (breakLock(path)) continue;
    } else if (holder.nonce !== waitedFor) {
      waitedFor = holder.nonce;
      onWait?.(holder);
    }
    await delay(pollMs, undefined, { signal });
  }
  const touching = setInterval(() => touch(path), TOUCH_EVERY_MS);
  touching.unref();
  return () => {
    clearInterval(touching);
    if (readHolder(path)?.nonce === mine.nonce) rmSync(path, { force: true });
  };
}

/** @returns {Holder} */
function thisHolder() {
  const pid = process.pid;
  const nonce = `${pid}-${process.hrtime.bigint()}-${Math.random().toString(36).slice(2)}`;
  return { pid, startTime: startTimeOf(pid) ?? "", space: processSpace(), nonce };
}

/**
 * @param {string} path
 * @param {Holder} mine
 * @returns {boolean}
 */
function tryTake(path, mine) {
  const draft = `${path}.${mine.nonce}`;
  writeFileSync(draft, JSON.stringify(mine), { mode: 0o644 });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * @param {string} path
 * @returns {Holder | undefined}
 */
function readHolder(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return undefined;
    // Never written half: something else damaged it, and a lock nobody can own must not block for ever.
    return { pid: -1, startTime: "", space: processSpace(), nonce: "unreadable" };
  }
}

/**
 * @param {string} path
 * @param {Holder} holder
 * @returns {boolean}
 */
function isDead(path, holder) {
  if (holder.space === processSpace()) return !isAlive(holder);
  return ageMs(path) > FOREIGN_HOLDER_DEAD_AFTER_MS;
}

/**
 * Removes a dead holder's lock. Two waiters may both have found it dead, and the slower one must not remove
 * the lock that the faster one has taken since: so the check is made again, alone, under a second file.
 *
 * @param {string} path
 * @returns {boolean} Whether the caller may try to take the lock at once.
 */
function breakLock(path) {
  const breaker = `${path}.breaker`;
  try {
    writeFileSync(breaker, "", { flag: "wx" });
  } catch {
    if (ageMs(breaker) > BREAKER_DEAD_AFTER_MS) rmSync(breaker, { force: true });
    return false;
  }
  try {
    const holder = readHolder(path);
    if (holder && isDead(path, holder)) rmSync(path, { force: true });
    return true;
  } finally {
    rmSync(breaker, { force: true });
  }
}

/** @param {string} path */
function touch(path) {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // The lock's folder was removed under us; release() copes with that too.
  }
}

/**
 * @param {string} path
 * @returns {number}
 */
function ageMs(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat ? Date.now() - stat.mtimeMs : 0;
}
