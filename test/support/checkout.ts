import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { Stack } from "../../infra/dev";
import { repositoryRoot } from "../../infra/setup/home.mjs";

const OWN = [".git", ".belay", "dist"];

/**
 * Another checkout of this code: with its own build, and so with a stack of its own, which no command for the checkout
 * at hand can see. Its `belay` runs as a process, as a person's would.
 */
export class Checkout {
  readonly root = mkdtempSync(join(tmpdir(), "belay-checkout-"));
  readonly stack: Stack;

  constructor() {
    const original = repositoryRoot();
    // PostgreSQL runs under another account, and reads below this folder.
    chmodSync(this.root, 0o755);
    for (const name of readdirSync(original).filter((each) => !OWN.includes(each)))
      symlinkSync(join(original, name), join(this.root, name));
    cpSync(join(original, "dist"), join(this.root, "dist"), { recursive: true });
    const stateDir = join(this.root, ".belay");
    mkdirSync(stateDir);
    // Set-up is not what is tested.
    copyFileSync(join(original, ".belay", "tools.json"), join(stateDir, "tools.json"));
    this.stack = new Stack({ root: this.root, stateDir });
  }

  /** A command under way. Its exit code is part of its result, whatever it is. */
  start(...args: string[]) {
    const main = join(this.root, "dist", "client", "cli", "main.js");
    const env = { BELAY_DEVICE: "cpu", NO_COLOR: "1" };
    return execa(process.execPath, [main, ...args], { cwd: this.root, env, reject: false, stdin: "ignore" });
  }

  /** What a command printed that had to end well. */
  async belay(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.start(...args);
    if (exitCode !== 0) throw new Error(`belay ${args.join(" ")} ended with ${exitCode}: ${stderr}`);
    return stdout;
  }

  async remove(): Promise<void> {
    await this.stack.destroy();
    rmSync(this.root, { recursive: true, force: true });
  }
}
