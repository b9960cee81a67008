import { describe, expect, it } from "vitest";
import { LiveRegion } from "../../../../../client/cli/live/region";

function terminal(columns: number) {
  const written: string[] = [];
  return { columns, written, write: (text: string) => written.push(text) };
}

describe("a region drawn in place", () => {
  it("draws each frame in one write, over the one before", () => {
    const to = terminal(20);
    const region = new LiveRegion(to);
    region.draw(["one", "two", "three"]);
    region.draw(["four"]);
    region.end();
    expect(to.written).toHaveLength(3);
    expect(to.written[0]).toContain("one\x1b[K\ntwo\x1b[K\nthree\x1b[K\n\x1b[J");
    expect(to.written[1]).toContain("\x1b[3A\rfour\x1b[K\n\x1b[J");
    expect(to.written[2]).toBe("\x1b[?25h");
  });

  it("finds its top again when the terminal was made narrower", () => {
    const to = terminal(20);
    const region = new LiveRegion(to);
    region.draw(["x".repeat(20), "y"]);
    to.columns = 8;
    region.draw(["z"]);
    expect(to.written[1]).toContain("\x1b[4A\rz");
  });

  it("gives the cursor back only if it took it", () => {
    const to = terminal(20);
    new LiveRegion(to).end();
    expect(to.written).toEqual([]);
  });
});
