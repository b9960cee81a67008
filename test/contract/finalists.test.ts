import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Finalist, finalistCount, type Mode, withFinalist } from "../../workflows/lora/search/ranking";

/** The same file is read by gpu-worker/tests/contracts/test_finalists.py. */
interface Case {
  name: string;
  mode: Mode;
  trials: Pick<Finalist, "trial" | "value" | "trainableParams">[];
  order: number[];
}

const { cases }: { cases: Case[] } = JSON.parse(readFileSync(join(__dirname, "finalists.json"), "utf8"));

const manifest = { uri: "s3://b/k", sha256: "0".repeat(64), sizeBytes: 1, mediaType: "application/json" };
const rest = { params: {}, checkpoint: { manifest, step: 1, epoch: 1 } };

describe.each(cases)("$name", ({ mode, trials, order }) => {
  test.each([
    ["as they were started", trials],
    ["the other way round", trials.toReversed()],
  ])("the best stay, whatever the order in which they end: %s", (_, ended) => {
    let kept: Finalist[] = [];
    for (const each of ended) kept = withFinalist(kept, { ...each, ...rest }, mode);
    expect(kept.map(({ trial }) => trial)).toEqual(order.slice(0, finalistCount));
  });
});
