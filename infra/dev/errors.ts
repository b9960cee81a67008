import { readFileSync } from "node:fs";
import type { PartName } from "./stack-info";

const SHOWN_LINES = 8;

/** A part that did not come up. The message holds the last lines of its log; no stack trace is worth showing. */
export class PartFailed extends Error {
  override readonly name = "PartFailed";

  constructor(
    readonly part: PartName,
    what: string,
    readonly log: string,
  ) {
    super([`${part} ${what}; its log is ${log}`, ...lastLines(log).map((line) => `  ${line}`)].join("\n"));
  }
}

function lastLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").trimEnd().split("\n").slice(-SHOWN_LINES);
  } catch {
    return [];
  }
}
