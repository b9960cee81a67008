import type { Distribution } from "../../../workflows/contracts";
import { choice, count, short } from "./format";
import { groupBy } from "./group-by";
import { seededRandom, shuffle } from "./random";
import type { Importance, TrialView } from "./report-data";
import { unitPosition } from "./scale";

/** Below this a ranking by one parameter is guesswork, and nothing is shown. */
const fewest = 6;
/** Below this the scores are shown as indicative. */
const fair = 20;
/** The kernel is quadratic in the trials; more than this many are thinned evenly. */
const most = 300;
const permutations = 200;

/**
 * How much of a trial's rank one parameter predicts by itself: leave-one-out R² of a kernel regression of rank on the
 * parameter. Ranks let pruned and diverged trials count, and a kernel sees an optimum in the middle of a range, which a
 * correlation would miss. The same score under shuffled ranks says how much of it is chance.
 */
export function importance(
  trials: readonly TrialView[],
  space: Readonly<Record<string, Distribution>>,
  seed: number,
): Importance {
  const ranked = trials.filter((t) => t.rank !== null).sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0));
  const varied = Object.keys(space).filter(
    (key) => new Set(ranked.map((t) => choice(t.params[key]))).size > 1,
  );
  if (ranked.length < fewest) {
    return none(
      ranked.length,
      `Needs at least ${fewest} trials that were ranked; this run has ${ranked.length}.`,
    );
  }
  if (varied.length === 0) return none(ranked.length, "No parameter took more than one value.");

  const sample = thin(ranked, most);
  const ranks = sample.map((t) => t.rank ?? 0);
  const random = seededRandom(seed);
  const shuffled = Array.from({ length: permutations }, () => shuffle(ranks, random));
  const rows = varied.map((key) => {
    const distribution = space[key] as Distribution;
    const weights = kernel(
      sample.map((t) => unitPosition(distribution, t.params[key])),
      isOrdered(distribution),
    );
    const score = explained(weights, ranks);
    const chance = shuffled.map((s) => explained(weights, s)).sort((a, b) => a - b);
    const noise = chance[Math.ceil(0.95 * permutations) - 1] as number;
    return {
      key,
      score,
      noise,
      aboveNoise: score > noise,
      bestValues: bestValues(ranked, key, distribution),
    };
  });
  return {
    confidence: ranked.length < fair ? "indicative" : "fair",
    ranked: ranked.length,
    explanation: explain(ranked.length),
    rows: rows.sort((a, b) => b.score - a.score || a.key.localeCompare(b.key)),
  };
}

const none = (ranked: number, explanation: string): Importance => ({
  confidence: "none",
  ranked,
  explanation,
  rows: [],
});

const explain = (ranked: number): string =>
  `Share of a trial's rank that one parameter predicts by itself (leave-one-out R² of a kernel regression over ${count(ranked)} ranked trials, pruned and diverged ones included). A score counts only beyond the noise mark: the 95th percentile of the same score with the ranks shuffled ${permutations} times.${
    ranked < fair ? ` With fewer than ${fair} trials take it as a hint, not a finding.` : ""
  } Interactions between parameters are not seen.`;

const thin = <T>(items: readonly T[], limit: number): T[] =>
  items.length <= limit
    ? [...items]
    : Array.from({ length: limit }, (_, i) => items[Math.floor((i * items.length) / limit)] as T);

const isOrdered = (distribution: Distribution): boolean =>
  !("choice" in distribution) || distribution.choice.every((value) => typeof value === "number");

/** Row-normalised weights of all other trials: a Gaussian over an ordered parameter, equality over a named one. */
function kernel(positions: readonly number[], ordered: boolean): Float64Array[] {
  const n = positions.length;
  const width = 0.3 * n ** -0.2;
  return positions.map((x, i) => {
    const row = new Float64Array(n);
    let sum = 0;
    for (let j = 0; j < n; j += 1) {
      if (i === j) continue;
      const distance = x - (positions[j] as number);
      const weight = ordered ? Math.exp(-0.5 * (distance / width) ** 2) : distance === 0 ? 1 : 0;
      row[j] = weight;
      sum += weight;
    }
    if (sum > 0) for (let j = 0; j < n; j += 1) row[j] = (row[j] as number) / sum;
    else row.fill(1 / (n - 1)).fill(0, i, i + 1);
    return row;
  });
}

/** Leave-one-out R², against the leave-one-out mean; never below zero. */
function explained(weights: readonly Float64Array[], values: readonly number[]): number {
  const n = values.length;
  const sum = values.reduce((a, b) => a + b, 0);
  let residual = 0;
  let total = 0;
  for (let i = 0; i < n; i += 1) {
    const value = values[i] as number;
    const row = weights[i] as Float64Array;
    let predicted = 0;
    for (let j = 0; j < n; j += 1) predicted += (row[j] as number) * (values[j] as number);
    residual += (value - predicted) ** 2;
    total += (value - (sum - value) / (n - 1)) ** 2;
  }
  return total === 0 ? 0 : Math.max(0, 1 - residual / total);
}

/** The values of the best quarter of the trials, at least three. */
export function bestValues(ranked: readonly TrialView[], key: string, distribution: Distribution): string {
  const best = ranked.slice(0, Math.max(3, Math.floor(ranked.length / 4))).map((t) => t.params[key]);
  if (!("choice" in distribution)) {
    const values = best.filter((v): v is number => typeof v === "number");
    if (values.length === 0) return "–";
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return low === high ? short(low) : `${short(low)} – ${short(high)}`;
  }
  const tally = [...groupBy(best, choice)].sort(
    (a, b) => b[1].length - a[1].length || a[0].localeCompare(b[0]),
  );
  return tally.map(([value, of]) => `${value} (${of.length}×)`).join(", ");
}
