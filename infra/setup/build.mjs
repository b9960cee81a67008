// @ts-check
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { filesBelow, readStamp, stampOf, writeStamp } from "./content-stamp.mjs";
import { withLock } from "./lock.mjs";

export const SOURCE_FOLDERS = ["workflows", "activities", "skills", "workers", "client", "infra", "test"];

/**
 * Compiles TypeScript into dist/, if a source changed since the last time.
 *
 * @param {string} root
 * @param {string} stateDir
 * @param {(line: string) => void} say
 * @returns {Promise<boolean>} Whether anything was compiled.
 */
export async function ensureBuild(root, stateDir, say) {
  if (isBuilt(root)) return false;
  return withLock(
    join(stateDir, "locks", "build.lock"),
    async () => {
      if (isBuilt(root)) return false;
      say("Compiling TypeScript …");
      const stamp = sourceStamp(root);
      await compile(root);
      mkdirSync(join(root, "dist"), { recursive: true });
      writeStamp(stampPath(root), stamp);
      return true;
    },
    { onWait: ({ pid }) => say(`Waiting for the build that process ${pid} has under way …`) },
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

/**
 * @param {string} root
 * @returns {Promise<void>}
 */
function compile(root) {
  const node = join(root, "node_modules", ".bin", "node");
  const tsc = join(root, "node_modules", "typescript", "lib", "tsc.js");
  return new Promise((resolve, reject) => {
    const child = spawn(node, [tsc, "-p", "tsconfig.build.json"], { cwd: root, stdio: ["ignore", 2, 2] });
    child.once("error", reject);
    child.once("exit", (code) =>
      code === 0 ? resolve() : reject(new Error("TypeScript does not compile (the errors are above)")),
    );
  });
}
