import { describe, expect, test } from "vitest";
import { pack, RungWindows, unpack } from "../../../../../workflows/lora/search/windows";
import { integer, random, seeds } from "../../../../support/seeded";

describe.each(seeds(50).map((seed) => ({ seed })))("packed costs, seed $seed", ({ seed }) => {
  test("come out as they went in, in single precision", () => {
    const draw = random(seed);
    const values = Array.from(
      { length: integer(draw, 0, 40) },
      () => (draw() - 0.5) * 10 ** integer(draw, -8, 8),
    );
    const packed = pack(values);
    expect(unpack(packed)).toEqual(values.map(Math.fround));
    expect(packed).toBe(Buffer.from(new Float32Array(values).buffer).toString("base64").replaceAll("=", "A"));
  });
});

describe("what a rung remembers", () => {
  test("survives being carried", () => {
    const windows = new RungWindows(2);
    windows.add("0:50", 1.5);
    windows.add("0:50", 0.1);
    windows.add("1:150", -3);
    const again = new RungWindows(2, JSON.parse(JSON.stringify(windows.carry())));
    expect(again.at("0:50")).toEqual([1.5, Math.fround(0.1)]);
    expect(again.at("1:150")).toEqual([-3]);
    expect(again.at("2:9")).toEqual([]);
  });

  test("is the newest, and bounded", () => {
    const windows = new RungWindows(1, {}, 100);
    for (let n = 0; n < 10_000; n++) windows.add("0:1", n);
    const costs = windows.at("0:1");
    expect(costs.length).toBeGreaterThanOrEqual(100);
    expect(costs.length).toBeLessThan(125);
    expect(costs.at(-1)).toBe(9999);
    expect(costs[0]).toBe(10_000 - costs.length);
  });

  test("does not depend on when it was carried", () => {
    const once = new RungWindows(1, {}, 10);
    let often = new RungWindows(1, {}, 10);
    for (let n = 0; n < 200; n++) {
      once.add("0:1", n);
      often.add("0:1", n);
      if (n % 7 === 0) often = new RungWindows(1, often.carry(), 10);
      expect(often.at("0:1")).toEqual(once.at("0:1"));
    }
  });

  test("takes at most 64 KiB over all rungs, however many there are", () => {
    for (const rungs of [1, 5, 15, 150]) {
      const windows = new RungWindows(rungs);
      for (let rung = 0; rung < rungs; rung++) {
        for (let n = 0; n < 10_000; n++) windows.add(`0:${rung}`, n / 7);
      }
      expect(JSON.stringify(windows.carry()).length).toBeLessThan(64 * 1024);
    }
  });
});
