import { distance } from "fastest-levenshtein";

/** The candidate that a person most likely meant, or undefined when none is near. */
export function nearest(written: string, candidates: Iterable<string>): string | undefined {
  const reach = Math.max(2, Math.floor(written.length / 3));
  const lower = written.toLowerCase();
  let best: { name: string; distance: number } | undefined;
  for (const name of candidates) {
    const away = distance(lower, name.toLowerCase());
    if (away <= reach && (!best || away < best.distance)) best = { name, distance: away };
  }
  return best?.name;
}
