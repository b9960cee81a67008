import { expect, it } from "vitest";
import {
  bytes,
  choice,
  duration,
  number,
  ordinal,
  percent,
  short,
  signed,
} from "../../../activities/report/data/format";

it.each([
  [0, "0"],
  [0.8047, "0.805"],
  [0.00725, "0.00725"],
  [3.1e-6, "3.1e−6"],
  [1.0449, "1.045"],
  [130.44, "130.4"],
  [12_345.6, "12,346"],
  [1_234_567, "1,234,567"],
  [-0.25, "−0.250"],
  [Number.POSITIVE_INFINITY, "∞"],
])("number %d reads %s", (value, text) => {
  expect(number(value)).toBe(text);
});

it("leaves trailing zeros out where digits need not align", () => {
  expect([0.03, 0.5, 1.5, 300, 2e-5, 10.5].map(short)).toEqual(["0.03", "0.5", "1.5", "300", "2e−5", "10.5"]);
});

it("formats the rest", () => {
  expect([signed(0.8), signed(-0.8), signed(0)]).toEqual(["+0.800", "−0.800", "0"]);
  expect([percent(0), percent(0.0004), percent(0.0125), percent(0.5), percent(1)]).toEqual([
    "0 %",
    "under 0.1 %",
    "1.3 %",
    "50 %",
    "100 %",
  ]);
  expect([
    duration(0),
    duration(0.4),
    duration(8.44),
    duration(59.7),
    duration(61.6),
    duration(7300),
  ]).toEqual(["none", "under 1 s", "8.4 s", "60 s", "1 min 2 s", "2 h 1 min"]);
  expect([bytes(803), bytes(634_512), bytes(3_280_112)]).toEqual(["803 B", "620 KiB", "3.1 MiB"]);
  expect([1, 2, 3, 4, 11, 12, 21, 112].map(ordinal)).toEqual([
    "1st",
    "2nd",
    "3rd",
    "4th",
    "11th",
    "12th",
    "21st",
    "112th",
  ]);
  expect([choice(null), choice(true), choice(["q_proj", "v_proj"])]).toEqual([
    "none",
    "true",
    "q_proj, v_proj",
  ]);
});
