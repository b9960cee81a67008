#!/usr/bin/env node
// @ts-check

/**
 * All tests of both languages, after set-up: `npm test`. With arguments, vitest alone, which gets them. Ends non-zero
 * when any test fails, and runs the second suite even when the first one failed.
 */
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defaultStateDir, repositoryRoot } from "./home.mjs";

const root = repositoryRoot();
const { tools } = JSON.parse(readFileSync(join(defaultStateDir(root), "tools.json"), "utf8"));
const node = join(root, "node_modules", ".bin", "node");
const bin = join(root, "node_modules", ".bin");
/** @type {NodeJS.ProcessEnv} */
const env = {
  ...process.env,
  PATH: `${bin}:${process.env.PATH ?? ""}`,
  PYTHONPATH: join(root, "gpu-worker"),
};

/** An S3 server beside the stack's own, built once. Ends the command where it cannot be had. */
function secondStore() {
  const script = join(root, "dist", "infra", "setup", "test-servers.js");
  const { stdout, status } = spawnSync(node, [script], { stdio: ["ignore", "pipe", "inherit"] });
  if (status !== 0) process.exit(status ?? 1);
  return stdout.toString();
}

/**
 * @param {string} title
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<boolean>} Whether it passed.
 */
function suite(title, command, args) {
  process.stdout.write(`\n${title}\n`);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: "inherit" });
    child.once("error", reject);
    child.once("exit", (code) => resolve(code === 0));
  });
}

const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const chosen = process.argv.slice(2);
if (chosen.length === 0) env.VERSITYGW_PATH = secondStore();
const outcomes = [await suite("TypeScript: vitest", node, [vitest, "run", ...chosen])];
if (chosen.length === 0)
  outcomes.push(
    await suite("Python: pytest", tools.python, ["-m", "pytest", "-q", join("gpu-worker", "tests")]),
  );
process.exitCode = outcomes.every(Boolean) ? 0 : 1;
