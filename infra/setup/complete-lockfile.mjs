#!/usr/bin/env node
// @ts-check

/**
 * Adds to package-lock.json the optional packages that only other systems install, where the registry that
 * wrote it did not offer them: `npm ci` refuses a lockfile without them. They are pinned by version; what
 * Linux on x64 and arm64 installs is pinned by content as well. Run it after `npm install`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { repositoryRoot } from "./home.mjs";

/**
 * @typedef {{ version?: string, dev?: boolean, optional?: boolean, os?: string[], cpu?: string[], libc?: string[],
 *   optionalDependencies?: Record<string, string> }} Entry
 * @typedef {{ packages: Record<string, Entry> }} Lockfile
 */

const SYSTEMS = [
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
];
const PROCESSORS = [
  "arm",
  "arm64",
  "ia32",
  "loong64",
  "mips64el",
  "ppc64",
  "riscv64",
  "s390x",
  "wasm32",
  "x64",
];

/**
 * The entries that are missing, by their path in the lockfile.
 *
 * @param {Lockfile} lockfile
 * @returns {Record<string, Entry>}
 */
export function missingEntries({ packages }) {
  /** @type {Record<string, Entry>} */
  const missing = {};
  for (const { optionalDependencies = {}, dev } of Object.values(packages))
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const path = `node_modules/${name}`;
      const words = (name.split("/").at(-1) ?? "").split(/[-.]/);
      const os = SYSTEMS.filter((system) => words.includes(system));
      if (packages[path] || os.length === 0 || !/^\d/.test(version)) continue;
      const cpu = PROCESSORS.filter((processor) => words.includes(processor));
      const libc = words.includes("musl") ? ["musl"] : words.includes("gnu") ? ["glibc"] : [];
      missing[path] = {
        version,
        ...(dev && { dev }),
        optional: true,
        os,
        ...(cpu.length > 0 && { cpu }),
        ...(libc.length > 0 && { libc }),
      };
    }
  return missing;
}

/** @param {string} path */
function completeFile(path) {
  const lockfile = JSON.parse(readFileSync(path, "utf8"));
  const entries = { ...lockfile.packages, ...missingEntries(lockfile) };
  // In npm's own order, so that npm's next change of the file is a small one.
  const sorted = Object.entries(entries).sort(([a], [b]) => a.localeCompare(b, "en"));
  writeFileSync(path, `${JSON.stringify({ ...lockfile, packages: Object.fromEntries(sorted) }, null, 2)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  completeFile(join(repositoryRoot(), "package-lock.json"));
