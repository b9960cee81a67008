import { styleText } from "node:util";
import type { Paint } from "./live/format";

/** What the CLI writes to; the process's own streams, or a test's. */
export interface Output {
  isTTY?: boolean;
  columns?: number;
  rows?: number;
  write(text: string): unknown;
}

export interface Surroundings {
  stdout: Output;
  stderr: Output;
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** Aborted by Ctrl-C. */
  interrupt: AbortSignal;
}

/** With `--json`, standard output is one JSON object and people are spoken to on standard error. */
export class Console {
  readonly people: Output;

  constructor(
    private readonly to: Surroundings,
    readonly json: boolean,
  ) {
    this.people = json ? to.stderr : to.stdout;
  }

  say(...lines: string[]): void {
    for (const line of lines) this.people.write(`${line}\n`);
  }

  /** The one object of a `--json` command. */
  emit(value: unknown): void {
    this.to.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  }

  get paint(): Paint {
    return this.isColourful
      ? (style, text) => styleText(style, text, { validateStream: false })
      : (_style, text) => text;
  }

  private get isColourful(): boolean {
    const { NO_COLOR, TERM } = this.to.env;
    return this.people.isTTY === true && !NO_COLOR && TERM !== "dumb";
  }
}
