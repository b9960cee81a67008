import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

/** Which code runs: version, and commit where this is a git checkout. */
export interface CodeIdentity {
  version: string;
  commit: string | null;
  /** Files differ from the commit. */
  dirty: boolean;
}

export async function readCodeIdentity(root: string): Promise<CodeIdentity> {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  try {
    const git = async (...args: string[]) =>
      (await promisify(execFile)("git", ["-C", root, ...args])).stdout.trim();
    // A checkout inside another repository has no commit of its own.
    if ((await git("rev-parse", "--show-prefix")) !== "") return { version, commit: null, dirty: false };
    return {
      version,
      commit: await git("rev-parse", "HEAD"),
      dirty: (await git("status", "--porcelain")) !== "",
    };
  } catch {
    return { version, commit: null, dirty: false };
  }
}
