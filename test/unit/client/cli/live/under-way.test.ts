import { describe, expect, it } from "vitest";
import {
  describeStandstill,
  describeWork,
  isQueued,
  standsStill,
} from "../../../../../client/cli/live/under-way";

const work = (activity: string, started: boolean) => ({
  activity,
  attempt: 1,
  started,
  lastFailure: null,
  training: null,
});

describe("what is under way", () => {
  it("tells an absent GPU worker from one without a free place", () => {
    expect(describeWork([work("gpu.acquireSeat", false)])).toBe("waiting for a GPU worker");
    expect(describeWork([work("gpu.acquireSeat", true)])).toBe("waiting for a free seat on an engine");
  });

  it("takes a trial for queued while it has nothing but its place to ask for", () => {
    expect(isQueued([work("gpu.acquireSeat", true)])).toBe(true);
    expect(isQueued([work("training.run", true)])).toBe(false);
    expect(isQueued([])).toBe(false);
  });

  it("says during a search that nobody trains, and nothing as long as somebody does", () => {
    const [absent, queued, training] = [
      work("gpu.acquireSeat", false),
      work("gpu.acquireSeat", true),
      work("training.run", true),
    ];
    expect(standsStill([absent, absent])).toBe(true);
    for (const some of [[], [queued, absent], [training, absent], [training]])
      expect(standsStill(some)).toBe(false);
    // Between two jobs nobody has the next for a moment.
    expect(describeStandstill(1000)).toBeNull();
    expect(describeStandstill(10_000)).toContain("waiting for a GPU worker");
  });
});
