import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAdapterActivities } from "../../activities/adapters";
import { createManifestActivities } from "../../activities/manifest";
import { recordRun } from "../../activities/persistence/runs";
import {
  insertEvents,
  insertMetrics,
  insertResumptions,
  metricsOf,
  resumptionsOf,
} from "../../activities/persistence/trace";
import { openTrials, recordOutcome } from "../../activities/persistence/trials";
import { resolveSpec } from "../../activities/spec/resolve";
import { createVerifyActivities } from "../../activities/verify";
import { repositoryRoot } from "../../infra/setup/home.mjs";
import type { EvalOutput, StageOutputs, TraceEvent, TrialParams } from "../../workflows/contracts";
import { type WrittenCheckpoint, writeCheckpoint } from "./checkpoints";
import { baseWeights } from "./safetensors";
import { scratchFolder } from "./scratch";
import { freshDatabase, freshStore } from "./services";
import { newSigner } from "./signer";

export interface FinishedRunOptions {
  experiment?: Record<string, unknown>;
  /** Files of the checkpoints, where they are to be real. */
  adapter?: Record<string, Buffer>;
}

/**
 * A run as its search leaves it: two completed trials with checkpoints, curves and evaluations, the second one the
 * winner. Everything that the skills would have made is small text; what the activities make of it is real.
 */
export async function finishedRun({ experiment = {}, adapter = {} }: FinishedRunOptions = {}) {
  const run = "support-bot-1";
  const { db } = await freshDatabase();
  const { store, s3, bucket } = await freshStore();
  const folder = scratchFolder();
  const put = (name: string, text: string | Buffer, below = folder) => {
    writeFileSync(join(below, name), text);
    return join(below, name);
  };
  put("config.json", "{}");
  put("model.safetensors", baseWeights);
  put("README.md", "---\nlicense: apache-2.0\n---\n# Base\n");
  const resolved = await resolveSpec(
    {
      name: "support-bot",
      description: "Answers tickets.",
      model: { model_name_or_path: folder },
      dataset: { path: put("rows.jsonl", "{}\n", scratchFolder()) },
      search: { num_trials: 2, metric: "eval_loss", deterministic: true },
      ...experiment,
    },
    { version: "0.1.0", commit: "c".repeat(40), dirty: false },
  );
  const deps = { db, store, root: repositoryRoot(), signer: newSigner() };
  const adapters = createAdapterActivities(deps);
  const json = (value: unknown) => store.put(Buffer.from(JSON.stringify(value)), "application/json");
  const evaluation = async (loss: number): Promise<EvalOutput> => ({
    metrics: { eval_loss: loss, perplexity: Math.exp(loss) },
    metricsJson: await json({ eval_loss: loss, perplexity: Math.exp(loss) }),
    perExample: await json({ examples: [] }),
    samples: [],
    baselines: null,
    gpuSeconds: 1,
    examples: 64,
  });

  await recordRun(
    db,
    {
      run,
      name: "support-bot",
      state: "running",
      stage: "search",
      specSha256: resolved.specSha256,
      spec: resolved.spec,
    },
    "x1",
  );
  const params: TrialParams[] = [{ r: 4 }, { r: 8, lora_alpha: "2r" }];
  await openTrials(
    db,
    run,
    params.map((each, trial) => ({
      trial,
      workflowId: `${run}/trial-${trial}`,
      params: each,
      modelBased: trial > 0,
      tellCount: 0,
      pending: [],
      seed: 42,
      replicateOf: null,
    })),
    "x1",
  );
  await db.query("UPDATE subjects SET epoch = 1");
  const checkpoints: WrittenCheckpoint[] = [];
  for (const trial of [0, 1]) {
    const subject = `${run}/trial-${trial}`;
    const checkpoint = await writeCheckpoint(store, { run, subject, step: 30, epoch: 1, adapter });
    checkpoints.push(checkpoint);
    await recordCurve(db, run, subject, trial);
    const scored = await evaluation(1 - trial / 2);
    const stored = await adapters["artifact.store"]({
      run,
      trial,
      subject,
      checkpoint: checkpoint.ref,
      evaluation: scored,
    });
    await recordOutcome(db, run, trial, {
      trial,
      state: "completed",
      value: 1 - trial / 2,
      step: 30,
      metrics: scored.metrics,
      trainableParams: 1000,
      gpuSeconds: 3,
      checkpoint: checkpoint.ref,
      adapter: stored.adapter,
      adapterSha256:
        checkpoint.files.find(({ path }) => path === "adapter_model.safetensors")?.ref.sha256 ?? null,
      initSha256: "1".repeat(64),
      error: null,
    });
  }
  const hash = "d".repeat(64);
  const split = await store.put(Buffer.from("tokens"), "application/octet-stream");
  const stages: StageOutputs = {
    resolved,
    dataset: {
      profile: await json({ rows: 3 }),
      tokenised: { splits: { train: split, validation: split, test: split }, sha256: hash, classNames: null },
      rows: { train: 100, validation: 20, test: 64 },
      format: "prompt_completion",
      datasetSha256: hash,
      splitSha256: hash,
      tokenizerSha256: hash,
      templateSha256: null,
      labelTokens: 500,
      maxLength: 40,
      packs: null,
      warnings: [],
    },
    plan: null,
    selection: { best: 1, reason: "lowest eval_loss", ranking: [] },
    base: await evaluation(2),
    best: await evaluation(0.5),
    comparison: null,
    adapter: null,
    merge: null,
    hub: null,
    reproducibility: null,
  };
  return {
    run,
    db,
    store,
    s3,
    bucket,
    folder,
    stages,
    winner: checkpoints[1] as WrittenCheckpoint,
    activities: { ...adapters, ...createManifestActivities(deps), ...createVerifyActivities(deps) },
  };
}

/** Thirty steps, from an engine that said what it runs on. */
async function recordCurve(
  db: Awaited<ReturnType<typeof freshDatabase>>["db"],
  run: string,
  subject: string,
  trial: number,
) {
  const source = `e${trial}.b`;
  let seq = 0;
  const event = (
    kind: string,
    data: Record<string, unknown>,
    about: string | null = subject,
  ): TraceEvent => ({
    run,
    source,
    seq: seq++,
    at: "2026-01-01T00:00:00.000Z",
    subject: about,
    epoch: about === null ? null : 1,
    kind,
    data,
  });
  const events = [
    event("engine.environment", { device: "cpu", versions: { torch: "2.15" } }, null),
    event("trial.resumed", { fromStep: 0 }),
    ...Array.from({ length: 30 }, (_, i) =>
      event("trial.metrics", { step: i + 1, values: { train_loss: 3 / (i + 1 + trial) } }),
    ),
    event("trial.left", { step: 30, reason: "reached" }),
  ];
  await insertEvents(db, events);
  await insertResumptions(db, resumptionsOf(events));
  await insertMetrics(db, metricsOf(events));
}
