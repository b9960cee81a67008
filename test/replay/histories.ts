import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Stored histories lie in a folder per release. They are only ever added to. */
export const historiesFolder = join(__dirname, "histories");
export const checksumFile = join(historiesFolder, "SHA256SUMS");

/** Every stored history, `<release>/<scenario>.<workflow>.json`. */
export const storedHistories = (): string[] =>
  existsSync(historiesFolder)
    ? readdirSync(historiesFolder, { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".json"))
        .sort()
    : [];

export const checksum = (name: string, folder = historiesFolder): string =>
  createHash("sha256")
    .update(readFileSync(join(folder, name)))
    .digest("hex");

/** The list that was committed with the histories: checksum by name, in `sha256sum`'s own format. */
export function committedChecksums(): Map<string, string> {
  const lines = readFileSync(checksumFile, "utf8").split("\n").filter(Boolean);
  return new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
}

interface ExportedHistory {
  events: { workflowExecutionStartedEventAttributes?: { workflowId?: string } }[];
}

export const readHistory = (name: string): ExportedHistory =>
  JSON.parse(readFileSync(join(historiesFolder, name), "utf8")) as ExportedHistory;

/** Workflow ids are part of what is replayed: children are named after them. */
export const workflowIdOf = (history: ExportedHistory): string =>
  history.events[0]?.workflowExecutionStartedEventAttributes?.workflowId ?? "";
