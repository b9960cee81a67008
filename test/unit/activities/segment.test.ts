import { describe, expect, it } from "vitest";
import { readSegment } from "../../../activities/trace/segment";
import type { TraceEvent } from "../../../workflows/contracts";
import { traceLine } from "../../support/trace-lines";

const event = (seq: number, data: Record<string, unknown> = {}): TraceEvent => ({
  run: "r",
  source: "engine.boot",
  seq,
  at: "2026-01-01T00:00:00.000Z",
  subject: null,
  epoch: null,
  kind: "note",
  data,
});

const lines = [0, 1, 2].map((seq) => traceLine(event(seq, { text: "wört " })));
const whole = Buffer.from(lines.join(""));

describe("a segment", () => {
  it("reads back what was written, and nothing from an empty one", () => {
    expect(readSegment(whole)).toEqual({
      events: [0, 1, 2].map((seq) => event(seq, { text: "wört " })),
      corrupt: null,
      torn: false,
    });
    expect(readSegment(Buffer.alloc(0))).toEqual({ events: [], corrupt: null, torn: false });
  });

  it("knows the line of a writer in another language", () => {
    // zlib.crc32 of the body, as Python writes it.
    const body =
      '{"run":"r","source":"s","seq":0,"at":"2026-01-01T00:00:00Z","subject":null,"epoch":null,"kind":"k","data":{}}';
    expect(readSegment(Buffer.from(`ad41f255 ${body}\n`))).toMatchObject({
      events: [{ seq: 0, kind: "k" }],
      corrupt: null,
    });
  });

  it("cut anywhere gives its whole lines, and never more or a complaint", () => {
    let boundary = 0;
    for (let length = 0; length <= whole.length; length += 1) {
      const read = readSegment(whole.subarray(0, length));
      if (whole[length - 1] === 0x0a) boundary += 1;
      expect(read.corrupt).toBeNull();
      expect(read.events).toHaveLength(boundary);
      expect(read.torn).toBe(length > 0 && whole[length - 1] !== 0x0a);
    }
  });

  it("with any one bit turned is damaged from that line on, and no other line is lost", () => {
    const perLine = lines.map((line) => Buffer.byteLength(line));
    for (let byte = 0; byte < whole.length; byte += 1) {
      const damaged = Buffer.from(whole);
      damaged[byte] = (damaged[byte] as number) ^ 0x20;
      const before = perLine.reduce(
        (found, _length, i) => (byte >= perLine.slice(0, i + 1).reduce((a, b) => a + b, 0) ? i + 1 : found),
        0,
      );
      const read = readSegment(damaged);
      expect(read.events).toHaveLength(before);
      expect(read.corrupt !== null || read.torn).toBe(true);
    }
  });

  it.each([
    ["hello\n", "it does not begin with a checksum"],
    ["00000000 {}\n", "its checksum does not match"],
    [`${crcOf("{}")} {}\n`, "it is not an event: run"],
    [`${crcOf("{")} {\n`, "it is not JSON"],
    ["\n", "it does not begin with a checksum"],
  ])("says what is wrong with %j", (text, reason) => {
    const { corrupt } = readSegment(Buffer.from(lines[0] + text));
    expect(corrupt?.line).toBe(2);
    expect(corrupt?.reason).toContain(reason);
  });
});

function crcOf(body: string): string {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(body)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}
