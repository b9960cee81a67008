// @ts-check
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

/**
 * One hash over names and contents, so that "has it changed?" never depends on clocks.
 *
 * @param {string} root Names are taken relative to it.
 * @param {Iterable<string>} files
 * @param {readonly string[]} [alsoCount] Facts besides files that the result depends on.
 * @returns {string}
 */
export function stampOf(root, files, alsoCount = []) {
  const hash = createHash("sha256");
  for (const fact of alsoCount) hash.update(`fact ${fact}\n`);
  for (const file of [...files].sort()) {
    const content = readFileSync(file);
    hash.update(`file ${relative(root, file)} ${content.length}\n`).update(content);
  }
  return hash.digest("hex");
}

/**
 * All files below `folder` with one of the endings; none when the folder is missing.
 *
 * @param {string} folder
 * @param {RegExp} name
 * @returns {string[]}
 */
export function filesBelow(folder, name) {
  return entriesOf(folder).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path, name);
    return entry.isFile() && name.test(entry.name) ? [path] : [];
  });
}

/** @param {string} folder */
function entriesOf(folder) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/**
 * @param {string} path
 * @returns {string | undefined}
 */
export function readStamp(path) {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

/**
 * @param {string} path
 * @param {string} stamp
 */
export function writeStamp(path, stamp) {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${stamp}\n`);
  renameSync(draft, path);
}
