import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import { scratchFolder } from "./scratch";

export interface Child {
  process: ChildProcess;
  /** Resolves with the next line it prints. */
  line(): Promise<string>;
  /** Resolves with its exit code, or the signal that ended it. */
  ended(): Promise<number | NodeJS.Signals>;
}

/** Runs an ES module of the given text in a process of its own; killed when the test is over. */
export function runModule(text: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Child {
  const file = join(scratchFolder(), "child.mjs");
  writeFileSync(file, text);
  const child = spawn(process.execPath, [file, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exit = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  return {
    process: child,
    line: async () => (await lines.next()).value ?? "",
    ended: async () => {
      const [code, signal] = await exit;
      return signal ?? code ?? -1;
    },
  };
}
