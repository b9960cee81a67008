import type { MlActivities } from "../../../workflows/contracts";
import { artifact } from "./artifacts";
import type { Bench } from "./bench";
import { logged } from "./kernel-activities";
import type { Records } from "./records";

/** The rate of a trial when a test names none: worse and worse, so that the earliest trials win. */
const defaultRate = (trial: number): number => 0.01 * 1.3 ** (trial % 16);

export function mlActivities(records: Records, bench: Bench): MlActivities {
  const activities: MlActivities = {
    "dataset.analyze": async () => ({
      profile: artifact("profile"),
      tokenised: { splits: { train: artifact("train") }, sha256: artifact("data").sha256, classNames: null },
      rows: { train: 100, validation: 10, test: 10 },
      format: "text",
      datasetSha256: artifact("data").sha256,
      splitSha256: artifact("split").sha256,
      tokenizerSha256: artifact("tokenizer").sha256,
      tokenizer: [{ path: "tokenizer_config.json", ref: artifact("tokenizer with chat template") }],
      templateSha256: null,
      labelTokens: 1000,
      maxLength: 16,
      packs: null,
      warnings: ["3 rows were truncated"],
    }),
    "config.buildSearchSpace": async ({ train, search }) => ({
      space: search.space === "auto" ? { learning_rate: { loguniform: [1e-4, 1e-1] } } : search.space,
      proposed: search.space === "auto",
      reasons: {},
      adapted: [],
      skipped: [],
      baseParams: 1000,
      trainableParams: { min: 10, max: 100 },
      memory: { baseBytes: 1, trialBytes: 1, activationBytes: 1, totalBytes: 3, deviceBytes: null },
      totalSteps: train.max_steps ?? 100,
      warnings: [],
    }),
    "hpo.ask": async ({ run, trials, tellCount }) => {
      const told = records.ordinals(run).length;
      if (told < tellCount) throw new Error(`${tellCount} tells were promised, ${told} are on record`);
      const proposals = trials.map((trial) => ({
        trial,
        params: { learning_rate: defaultRate(trial) },
        modelBased: tellCount > 0,
      }));
      return { proposals, exhausted: false };
    },
    "hpo.tell": async ({ trials }) => {
      records.mirrored.push(...trials);
    },
    "hpo.selectBest": async ({ run }) => {
      const completed = records
        .ofRun(run)
        .filter((row) => row.outcome?.state === "completed" && row.replicateOf === null);
      const best = completed.sort((a, b) => (a.outcome?.value ?? 0) - (b.outcome?.value ?? 0))[0];
      const reason = best ? `trial ${best.trial} has the lowest eval_loss` : "no trial completed: all failed";
      return { best: best?.trial ?? null, reason, ranking: [] };
    },
    "eval.compare": async ({ metric }) => ({
      metric,
      base: 4,
      best: 1,
      gain: -3,
      low: -3.5,
      high: -2.5,
      beatsBase: true,
      examples: 10,
      resamples: 10,
    }),
  };
  return logged(records, activities, bench);
}
