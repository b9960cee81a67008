/** A seeded generator of numbers in [0, 1), for tests that try many cases. The seed is part of the test's name. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const integer = (draw: () => number, from: number, to: number): number =>
  from + Math.floor(draw() * (to - from + 1));

export const pick = <T>(draw: () => number, items: readonly T[]): T =>
  items[integer(draw, 0, items.length - 1)] as T;

export function shuffled<T>(draw: () => number, items: readonly T[]): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = integer(draw, 0, last);
    [result[last], result[other]] = [result[other] as T, result[last] as T];
  }
  return result;
}

export const seeds = (count: number): number[] => Array.from({ length: count }, (_, index) => 1000 + index);
