#!/usr/bin/env node
// @ts-check

/**
 * From a fresh clone to a machine that can run Belay. Plain JavaScript with built-ins only, for any Node
 * from 20 on, because it runs before anything is installed; what follows the build runs under the pinned
 * Node. All messages go to standard error: standard output belongs to the command that comes after.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { ensureBuild } from "./build.mjs";
import { ensureDependencies } from "./dependencies.mjs";
import { belayHome, defaultStateDir, repositoryRoot } from "./home.mjs";
import { linkCli } from "./link-cli.mjs";
import { isMissingRequirement, MissingRequirement } from "./missing.mjs";
import { preflight } from "./preflight.mjs";

/** @param {string} line */
const say = (line) => process.stderr.write(`${line}\n`);

const INTERRUPTED = 130;
// Whoever reads what is printed may go first (`| tee`), and must not take the rest along.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
const interrupt = new AbortController();
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]))
  process.on(signal, () => {
    // Once asks, twice insists.
    if (interrupt.signal.aborted) process.exit(INTERRUPTED);
    interrupt.abort();
  });

/** @returns {Promise<number>} */
async function bootstrap() {
  const root = repositoryRoot();
  const stateDir = defaultStateDir(root);
  await checkMachine(root);
  interrupt.signal.throwIfAborted();
  await ensureDependencies(root, stateDir, say, interrupt.signal);
  await ensureBuild(root, stateDir, say, interrupt.signal);
  interrupt.signal.throwIfAborted();
  linkCli(root);
  return runPinned(root, [join(root, "dist", "infra", "setup", "main.js")]);
}

/** @param {string} root */
async function checkMachine(root) {
  const checks = await preflight({ root, home: belayHome() });
  const failed = checks.filter(({ ok }) => !ok);
  const [first] = failed;
  if (!first) return;
  for (const { name, ok, found, needed } of checks)
    say(`${ok ? "ok     " : "MISSING"} ${name}: found ${found}, needed ${needed}`);
  throw new MissingRequirement(
    failed.map(({ name, found, needed }) => `${name}: found ${found}, needed ${needed}`).join("; "),
    failed.map(({ remedy }) => remedy).join("; "),
  );
}

/**
 * @param {string} root
 * @param {string[]} args
 * @returns {Promise<number>}
 */
function runPinned(root, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(join(root, "node_modules", ".bin", "node"), args, { cwd: root, stdio: "inherit" });
    // It ends by itself, and at once: the terminal's Ctrl-C reaches it as well.
    interrupt.signal.addEventListener("abort", () => child.kill("SIGINT"));
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

bootstrap().then(
  (code) => {
    process.exitCode = interrupt.signal.aborted ? interrupted() : code;
  },
  (error) => {
    if (interrupt.signal.aborted) {
      process.exitCode = interrupted();
      return;
    }
    say(`belay: ${error.message}`);
    if (isMissingRequirement(error)) say(`       ${error.remedy}`);
    process.exitCode = isMissingRequirement(error) ? 3 : 1;
  },
);

function interrupted() {
  // npm's spinner has left its own line unfinished.
  say(
    `${process.stderr.isTTY ? "\n" : ""}belay: set-up was interrupted; run the same command again, and it goes on`,
  );
  return INTERRUPTED;
}
