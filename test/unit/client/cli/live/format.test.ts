import { describe, expect, it } from "vitest";
import {
  fit,
  formatBytes,
  formatDuration,
  formatNumber,
  formatParams,
  widthOf,
} from "../../../../../client/cli/live/format";

describe("formats", () => {
  it.each([
    [0, "0"],
    [16, "16"],
    [-3, "-3"],
    [0.805, "0.805"],
    [1.23456, "1.235"],
    [0.01, "0.01"],
    [0.0005, "5e-4"],
    [0.00012345, "1.23e-4"],
    [1234567, "1.23e+6"],
    [99999.5, "1e+5"],
  ])("number %d as %s", (value, expected) => {
    expect(formatNumber(value)).toBe(expected.replace("1e+5", "100000"));
  });

  it("durations and sizes", () => {
    expect([0, 999, 61_000, 3_600_000 * 30].map(formatDuration)).toEqual([
      "00:00:00",
      "00:00:00",
      "00:01:01",
      "30:00:00",
    ]);
    expect([0, 999, 1000, 123_456, 5e9].map(formatBytes)).toEqual([
      "0 B",
      "999 B",
      "1.0 kB",
      "123 kB",
      "5.0 GB",
    ]);
  });

  it("parameters", () => {
    expect(
      formatParams({
        learning_rate: 0.0002,
        target_modules: ["q", "v"],
        use_rslora: true,
        loraplus_lr_ratio: null,
      }),
    ).toBe("learning_rate=2e-4, target_modules=q+v, use_rslora=true, loraplus_lr_ratio=null");
  });

  it("cuts a line to a width and closes its colours", () => {
    expect(fit("abcdef", 6)).toBe("abcdef");
    expect(fit("abcdefg", 6)).toBe("abcde…");
    const cut = fit("\x1b[31mabcdefg\x1b[39m", 6);
    expect(cut).toBe("\x1b[31mabcde…\x1b[0m");
    expect(widthOf(cut)).toBe(6);
    expect(fit("\x1b[31mabcdef\x1b[39m", 6)).toBe("\x1b[31mabcdef\x1b[39m");
  });
});
