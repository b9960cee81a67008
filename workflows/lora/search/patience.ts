import { isBetter, type Mode } from "./ranking";
import type { Wave } from "./state";

/** How many trials have been told since the best value changed, after a wave that has ended, by its members' order. */
export function toldSinceImprovement(wave: Wave, before: number, mode: Mode): number {
  const values = new Map(wave.ended.map(({ trial, value }) => [trial, value]));
  let best = wave.bestBefore ?? null;
  let since = before;
  for (const member of wave.members) {
    const value = values.get(member) ?? null;
    const improved = value !== null && (best === null || isBetter(value, best, mode));
    if (improved) best = value;
    since = improved ? 0 : since + 1;
  }
  return since;
}
