#!/usr/bin/env node
// @ts-check

/**
 * All tests of both languages, after set-up: `npm test`. With arguments, vitest alone, which gets them. Ends non-zero
 * when any test fails, and runs the second suite even when the first one failed. However it ends, what the tests have
 * started ends with it; after a SIGKILL, the next one sees to that.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defaultStateDir, repositoryRoot } from "./home.mjs";
import { addOwner, clearDeadTestRuns, clearTestRun, openTestRun } from "./test-run.mjs";

/** How long a suite may take to end after Ctrl-C: it has nothing to tidy up that is not tidied up here. */
const ENDS_WITHIN_MS = 3_000;
const LOOK_EVERY_MS = 500;
const INTERRUPTED = 130;

const root = repositoryRoot();
const { tools } = JSON.parse(readFileSync(join(defaultStateDir(root), "tools.json"), "utf8"));
const node = join(root, "node_modules", ".bin", "node");
const bin = join(root, "node_modules", ".bin");
// Whoever reads what is printed may go first (`| tee`), and must not take the tidying up along.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
const interrupt = new AbortController();
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]))
  process.on(signal, () => interrupt.abort());
// npm passes a signal on to its shell alone, which dies of it and says nothing.
const parent = process.ppid;
setInterval(() => process.ppid === parent || interrupt.abort(), LOOK_EVERY_MS).unref();

/** @param {string} line */
const say = (line) => process.stderr.write(`${line}\n`);

for (const left of await clearDeadTestRuns(root)) say(`belay: cleared away what a test run left in ${left}`);
const folder = openTestRun(root);
/** @type {NodeJS.ProcessEnv} */
const env = {
  ...process.env,
  PATH: `${bin}:${process.env.PATH ?? ""}`,
  PYTHONPATH: join(root, "gpu-worker"),
  TMPDIR: folder,
};

/**
 * @param {string} command
 * @param {string[]} args
 * @param {"inherit" | "pipe"} stdout
 * @returns {Promise<{ code: number, printed: string }>}
 */
function run(command, args, stdout = "inherit") {
  return new Promise((resolve, reject) => {
    interrupt.signal.throwIfAborted();
    const child = spawn(command, args, { cwd: root, env, stdio: ["inherit", stdout, "inherit"] });
    if (child.pid) addOwner(folder, child.pid);
    let printed = "";
    child.stdout?.on("data", (chunk) => {
      printed += chunk;
    });
    /** @type {NodeJS.Timeout | undefined} */
    let insist;
    const end = () => {
      child.kill("SIGTERM");
      insist = setTimeout(() => child.kill("SIGKILL"), ENDS_WITHIN_MS);
    };
    interrupt.signal.addEventListener("abort", end);
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(insist);
      interrupt.signal.removeEventListener("abort", end);
      if (interrupt.signal.aborted) reject(interrupt.signal.reason);
      else resolve({ code: code ?? 1, printed });
    });
  });
}

/** An S3 server beside the stack's own, built once. Ends the command where it cannot be had. */
async function secondStore() {
  const script = join(root, "dist", "infra", "setup", "test-servers.js");
  return run(node, [script], "pipe");
}

/**
 * @param {string} title
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<boolean>} Whether it passed.
 */
async function suite(title, command, args) {
  process.stdout.write(`\n${title}\n`);
  return (await run(command, args)).code === 0;
}

/** @param {string[]} chosen */
async function main(chosen) {
  const vitest = [join(root, "node_modules", "vitest", "vitest.mjs"), "run", ...chosen];
  if (chosen.length > 0) return (await suite("TypeScript: vitest", node, vitest)) ? 0 : 1;
  const store = await secondStore();
  if (store.code !== 0) return store.code;
  env.VERSITYGW_PATH = store.printed;
  const outcomes = [
    await suite("TypeScript: vitest", node, vitest),
    await suite("Python: pytest", tools.python, ["-m", "pytest", "-q", join("gpu-worker", "tests")]),
  ];
  return outcomes.every(Boolean) ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!interrupt.signal.aborted) throw error;
  say("\nbelay: the tests were interrupted; ending what they have started …");
  process.exitCode = INTERRUPTED;
} finally {
  await clearTestRun(folder);
}
