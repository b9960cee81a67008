import { widthOf } from "./format";

/** What a region needs of a terminal. */
export interface TerminalStream {
  columns?: number;
  write(text: string): unknown;
}

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
// Terminals that know these show the frame in one go; others ignore them.
const BEGIN_FRAME = "\x1b[?2026h";
const END_FRAME = "\x1b[?2026l";
const CLEAR_LINE_END = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/** Lines at the bottom of a terminal that are drawn over in place, each frame in one write. */
export class LiveRegion {
  private drawn: string[] = [];

  constructor(private readonly terminal: TerminalStream) {}

  draw(lines: readonly string[]): void {
    const home = this.drawn.length === 0 ? HIDE_CURSOR : this.home();
    const body = lines.map((line) => `${line}${CLEAR_LINE_END}\n`).join("");
    this.terminal.write(`${BEGIN_FRAME}${home}${body}${CLEAR_BELOW}${END_FRAME}`);
    this.drawn = [...lines];
  }

  /** Leaves the last frame standing, above whatever is written next. */
  end(): void {
    if (this.drawn.length > 0) this.terminal.write(SHOW_CURSOR);
    this.drawn = [];
  }

  /** Lines that were wider than a terminal since made narrower take up several rows of it. */
  private home(): string {
    const columns = this.terminal.columns ?? 80;
    const rows = this.drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
    return rows > 0 ? `\x1b[${rows}A\r` : "\r";
  }
}
