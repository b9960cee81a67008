import { describe, expect, it } from "vitest";
import type { SearchSpec } from "../../../../../workflows/contracts";
import { SearchSpec as schema } from "../../../../../workflows/contracts/experiment/search";
import { askSize } from "../../../../../workflows/lora/search/asking";
import { newSearch } from "../../../../../workflows/lora/search/state";

/** Of ten trials, with so many open and so many places. */
const asked = (search: Partial<SearchSpec>, proposed: number, open: number, places: number) =>
  askSize(
    { ...schema.parse({}), num_trials: 10, ...search },
    { ...newSearch(), proposed },
    open,
    places - open,
  );

describe("how many trials an asynchronous search proposes", () => {
  it("is one at a time where a proposal should know of those before it", () => {
    expect(asked({ sampler: "tpe" }, 0, 0, 4)).toBe(1);
    expect(asked({ sampler: "tpe" }, 4, 4, 4)).toBe(0);
  });

  it("is all that can start where proposals know of nothing", () => {
    expect(asked({ sampler: "random" }, 1, 1, 4)).toBe(3);
    expect(asked({ sampler: "random" }, 8, 1, 4)).toBe(2);
    expect(asked({ sampler: "random" }, 4, 4, 4)).toBe(0);
  });

  it("is a wave once all of it can start, so that none is proposed long before it is trained", () => {
    const waves = { sampler: "gp", wave_size: 3 } as const;
    expect(asked(waves, 3, 2, 4)).toBe(0);
    expect(asked(waves, 3, 1, 4)).toBe(3);
    // The last one may be short, and one that is larger than there are places waits for all of them.
    expect(asked(waves, 9, 3, 4)).toBe(1);
    expect(asked(waves, 2, 1, 2)).toBe(0);
    expect(asked(waves, 2, 0, 2)).toBe(2);
  });
});
