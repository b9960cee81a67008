// @ts-check
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { filesBelow, readStamp, stampOf, writeStamp } from "./content-stamp.mjs";
import { withLock } from "./lock.mjs";
import { runGroup } from "./process-group.mjs";

export const SOURCE_FOLDERS = ["workflows", "activities", "skills", "workers", "client", "infra", "test"];

/**
 * Compiles TypeScript into dist/, if a source changed since the last time.
 *
 * @param {string} root
 * @param {string} stateDir
 * @param {(line: string) => void} say
 * @param {AbortSignal} [interrupt]
 * @returns {Promise<boolean>} Whether anything was compiled.
 */
export async function ensureBuild(root, stateDir, say, interrupt) {
  if (isBuilt(root)) return false;
  const lock = join(stateDir, "locks", "build.lock");
  return withLock(
    lock,
    async () => {
      if (isBuilt(root)) return false;
      say("Compiling TypeScript …");
      const stamp = sourceStamp(root);
      startOver(root);
      await compile(root, lock, interrupt);
      writeStamp(stampPath(root), stamp);
      return true;
    },
    {
      onWait: ({ pid }) => say(`Waiting for the build that process ${pid} has under way …`),
      signal: interrupt,
    },
  );
}

/**
 * @param {string} root
 * @returns {string}
 */
export function sourceStamp(root) {
  const files = SOURCE_FOLDERS.flatMap((folder) => filesBelow(join(root, folder), /\.(ts|mts|mjs|json)$/));
  const settings = ["tsconfig.json", "tsconfig.build.json", "package-lock.json"].map((name) =>
    join(root, name),
  );
  return stampOf(root, [...files, ...settings]);
}

/**
 * The stamp of what dist/ was compiled from; undefined before the first build.
 *
 * @param {string} root
 * @returns {string | undefined}
 */
export function builtStamp(root) {
  return readStamp(stampPath(root));
}

/** @param {string} root */
const stampPath = (root) => join(root, "dist", ".belay-stamp");

/** @param {string} root */
function isBuilt(root) {
  return builtStamp(root) === sourceStamp(root);
}

/** The stamp while the compiler writes. One that is found again was cut off. */
const UNFINISHED = "unfinished";

/**
 * What a compiler that was cut off remembers of dist/ is not to be believed: without it, all is written anew.
 *
 * @param {string} root
 */
function startOver(root) {
  if (builtStamp(root) === UNFINISHED) rmSync(join(root, "dist", "build.tsbuildinfo"), { force: true });
  mkdirSync(join(root, "dist"), { recursive: true });
  writeStamp(stampPath(root), UNFINISHED);
}

/**
 * @param {string} root
 * @param {string} lock
 * @param {AbortSignal | undefined} interrupt
 * @returns {Promise<void>}
 */
async function compile(root, lock, interrupt) {
  const node = join(root, "node_modules", ".bin", "node");
  const tsc = join(root, "node_modules", "typescript", "lib", "tsc.js");
  const outcome = await runGroup(node, [tsc, "-p", "tsconfig.build.json"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    lock,
    interrupt,
  });
  if (outcome === 0) return;
  // It came to its end, so what it remembers is right.
  if (typeof outcome === "number") rmSync(stampPath(root));
  throw new Error("TypeScript does not compile (the errors are above)");
}
