import type { CheckpointRef } from "../../contracts/artifact";
import type { TrialParams } from "../../contracts/trial";

export type Mode = "min" | "max";

/** The value as a cost: smaller is better whatever the mode. */
export const asCost = (value: number, mode: Mode): number => (mode === "min" ? value : -value);

export const isBetter = (value: number, than: number, mode: Mode): boolean =>
  asCost(value, mode) < asCost(than, mode);

/** A completed trial that may become the winner, with what its later use needs. */
export interface Finalist {
  trial: number;
  value: number;
  params: TrialParams;
  trainableParams: number | null;
  checkpoint: CheckpointRef;
}

/**
 * Best first; of equals the one with fewer parameters, then the lower number. The same order as in the GPU worker's
 * `select_best.py`, or its winner is none of the finalists; test/contract/finalists.json holds both to it.
 */
export const compareFinalists =
  (mode: Mode) =>
  (a: Finalist, b: Finalist): number =>
    asCost(a.value, mode) - asCost(b.value, mode) ||
    (a.trainableParams ?? Number.POSITIVE_INFINITY) - (b.trainableParams ?? Number.POSITIVE_INFINITY) ||
    a.trial - b.trial;

/** How many trials stay in the running for the title, and are rerun when replicates are asked for. */
export const finalistCount = 3;

export const withFinalist = (finalists: readonly Finalist[], candidate: Finalist, mode: Mode): Finalist[] =>
  [...finalists, candidate].sort(compareFinalists(mode)).slice(0, finalistCount);
