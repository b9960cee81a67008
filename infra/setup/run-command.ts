import { basename } from "node:path";
import { execa } from "execa";
import { MissingRequirement } from "./missing.mjs";
import { keepGroup, marked } from "./process-group.mjs";
import type { Report } from "./report";

export interface CommandOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Called with every line that the command prints. */
  onLine?: Report;
}

const REMEDY =
  "see that the package registries can be reached and that the disk has space, then run it again (what was finished is kept)";

/** A command that set-up ran and that did not end well; the message ends with the last line it printed. */
export class CommandFailed extends MissingRequirement {
  constructor(command: string, args: readonly string[], how: string, lastLine: string) {
    super(`${[basename(command), ...args].join(" ")} ${how}${lastLine && `: ${lastLine}`}`, REMEDY);
  }
}

export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<void> {
  let lastLine = "";
  const child = execa(command, args, {
    env: marked(options.env ?? process.env),
    extendEnv: false,
    cwd: options.cwd,
    stdin: "ignore",
    all: true,
    buffer: false,
    reject: false,
    detached: true,
  });
  const release = keepGroup(child.pid);
  for await (const line of child.iterable({ from: "all" })) {
    if (line.trim()) lastLine = line.trim();
    options.onLine?.(line);
  }
  const result = await child.finally(() => release());
  if (!result.failed) return;
  const how =
    result.code === "ENOENT" ? "was not found" : `ended with ${result.signal ?? `code ${result.exitCode}`}`;
  throw new CommandFailed(command, args, how, lastLine);
}
