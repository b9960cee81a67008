import { describe, expect, test } from "vitest";
import { type EpochStart, resumeCandidates, toKeep } from "../../../../workflows/checkpoints";
import type { CheckpointRef } from "../../../../workflows/contracts";
import { integer, random, seeds } from "../../../support/seeded";

const checkpoint = (step: number, epoch: number): CheckpointRef => ({
  manifest: {
    uri: `s3://belay/${step}-${epoch}`,
    sha256: "0".repeat(64),
    sizeBytes: 1,
    mediaType: "application/json",
  },
  step,
  epoch,
});
const names = (refs: readonly CheckpointRef[]) => refs.map((ref) => `${ref.step}-${ref.epoch}`);

describe("which checkpoints may be resumed from", () => {
  test("newest first", () => {
    const found = resumeCandidates([checkpoint(50, 1), checkpoint(100, 1)], [{ epoch: 1, fromStep: 0 }]);
    expect(names(found)).toEqual(["100-1", "50-1"]);
  });

  test("one that a later epoch went back behind is void", () => {
    const epochs = [
      { epoch: 1, fromStep: 0 },
      { epoch: 2, fromStep: 50 },
    ];
    const found = resumeCandidates([checkpoint(100, 1), checkpoint(50, 1), checkpoint(75, 2)], epochs);
    expect(names(found)).toEqual(["75-2", "50-1"]);
  });

  test("of two at one step the newer epoch's comes first", () => {
    const epochs = [
      { epoch: 1, fromStep: 0 },
      { epoch: 2, fromStep: 100 },
    ];
    expect(names(resumeCandidates([checkpoint(100, 1), checkpoint(100, 2)], epochs))).toEqual([
      "100-2",
      "100-1",
    ]);
  });

  test("one of an unknown dispatch is void, and so is one beyond the target", () => {
    const epochs = [{ epoch: 1, fromStep: 0 }];
    expect(
      names(resumeCandidates([checkpoint(10, 7), checkpoint(20, 1), checkpoint(90, 1)], epochs, 50)),
    ).toEqual(["20-1"]);
  });

  test("a dispatch that never said where it began voids nothing", () => {
    const epochs = [
      { epoch: 1, fromStep: 0 },
      { epoch: 2, fromStep: null },
    ];
    expect(names(resumeCandidates([checkpoint(30, 1)], epochs))).toEqual(["30-1"]);
  });
});

describe("which checkpoints are kept", () => {
  test("the one just committed, also where others seem newer", () => {
    const epochs = [
      { epoch: 1, fromStep: 0 },
      { epoch: 2, fromStep: 110 },
    ];
    const written = [checkpoint(100, 1), checkpoint(110, 1), checkpoint(60, 2), checkpoint(50, 1)];
    const { keep, collect } = toKeep(written, epochs, 2, checkpoint(60, 2));
    expect(names(keep)).toEqual(["110-1", "100-1", "60-2"]);
    expect(names(collect)).toEqual(["50-1"]);
  });
});

/** A life of a subject: each epoch resumes from something valid and writes a few checkpoints; the rest is lost. */
function life(seed: number) {
  const draw = random(seed);
  const epochs: EpochStart[] = [];
  const written: CheckpointRef[] = [];
  // What the newest trajectory consists of, kept by hand: the oracle.
  let trajectory: CheckpointRef[] = [];
  for (let epoch = 1; epoch <= integer(draw, 1, 6); epoch++) {
    const index = integer(draw, 0, trajectory.length);
    const from = index === trajectory.length ? 0 : (trajectory[index] as CheckpointRef).step;
    epochs.push({ epoch, fromStep: from });
    trajectory = trajectory.filter((ref) => ref.step <= from);
    for (let n = integer(draw, 0, 4), step = from; n > 0; n--) {
      step += 10;
      const ref = checkpoint(step, epoch);
      written.push(ref);
      trajectory.push(ref);
    }
  }
  return { epochs, written, trajectory };
}

describe.each(seeds(200).map((seed) => ({ seed })))("a life with crashes, seed $seed", ({ seed }) => {
  const { epochs, written, trajectory } = life(seed);

  test("exactly the newest trajectory can be resumed from", () => {
    expect(names(resumeCandidates(written, epochs))).toEqual(
      names([...trajectory].sort((a, b) => b.step - a.step || b.epoch - a.epoch)),
    );
  });

  test.each([1, 2, 3])("keeping %i: the newest valid ones stay, nothing is lost twice", (limit) => {
    const { keep, collect } = toKeep(written, epochs, limit);
    expect(names(keep)).toEqual(names(resumeCandidates(written, epochs)).slice(0, Math.max(2, limit)));
    expect([...names(keep), ...names(collect)].sort()).toEqual(names(written).sort());
  });
});
