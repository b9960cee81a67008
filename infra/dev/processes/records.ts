import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { ProcessIdentity } from "../../setup/process-identity.mjs";
import { isAlive } from "../../setup/process-identity.mjs";
import { readJson, writeJson } from "../json-file";
import { isOwn } from "../ownership";
import type { PartName } from "../stack-info";
import type { Launch } from "./daemon";

/** What we wrote down about a process that we started: enough to know it again, and to stop no other. */
export interface ProcessRecord extends ProcessIdentity {
  /** Of the way it was started: another one now means that it has to be started anew. */
  fingerprint: string;
  command: string;
  /** The state folder of its stack. */
  stateDir?: string;
}

export class ProcessRecords {
  constructor(
    private readonly folder: string,
    private readonly stateDir: string,
  ) {}

  /** The record of a part's process while that very process lives. */
  living(part: PartName): ProcessRecord | undefined {
    const record = readJson<ProcessRecord>(this.path(part));
    return record && isOwn(record.stateDir, this.stateDir) && isAlive(record) ? record : undefined;
  }

  write(part: PartName, record: ProcessRecord): void {
    writeJson(this.path(part), { ...record, stateDir: this.stateDir });
  }

  remove(part: PartName): void {
    rmSync(this.path(part), { force: true });
  }

  private path(part: PartName): string {
    return join(this.folder, `${part}.json`);
  }
}

/** `code` stands for the program's own content, where that is part of the checkout. */
export function fingerprintOf(launch: Launch, code = ""): string {
  const { command, args, env, cwd, account } = launch;
  // Another terminal, or npx instead of npm, has another PATH; what we start is named by its whole path.
  const told = Object.entries(env).filter(([name]) => name !== "PATH");
  const entries = told.sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([command, args, entries, cwd, account, code]))
    .digest("hex");
}
