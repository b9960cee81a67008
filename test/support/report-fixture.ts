import { createHash } from "node:crypto";
import type { ReportInput } from "../../activities/report/data/build";
import { seededRandom } from "../../activities/report/data/random";
import type { CurvePoint, RungRow, TrialRecord } from "../../activities/report/rows";
import {
  type ArtifactRef,
  type DatasetProfile,
  type EvalOutput,
  type ExperimentInput,
  ExperimentSpec,
  type StageOutputs,
  type TrialParams,
} from "../../workflows/contracts";

export const fixtureSeed = 20_261;

export const sha = (text: string): string => createHash("sha256").update(text).digest("hex");

export const ref = (key: string, sizeBytes = 1000, mediaType = "application/json"): ArtifactRef => ({
  uri: `s3://belay/objects/sha256/${sha(key)}`,
  sha256: sha(key),
  sizeBytes,
  mediaType,
});

export interface FixtureOptions {
  trials?: number;
  wave?: number;
  totalSteps?: number;
  seed?: number;
  space?: NonNullable<ExperimentInput["search"]>["space"];
  task?: "causal_lm" | "sequence_classification";
  /** Every trial ends like this instead. */
  allEnd?: "failed" | "diverged" | "cancelled";
}

/**
 * A finished search as its rows would be: an optimum in the middle of the learning rate, rank helping a little,
 * synchronous halving in waves, one diverged trial where the rate is highest. The same seed gives the same rows.
 */
export function reportFixture(options: FixtureOptions = {}): ReportInput {
  const seed = options.seed ?? fixtureSeed;
  const random = seededRandom(seed);
  const run = "commands-1f3a9c2e";
  const numTrials = options.trials ?? 8;
  const wave = options.wave ?? 4;
  const totalSteps = options.totalSteps ?? 300;
  const classification = options.task === "sequence_classification";
  const space = options.space ?? { learning_rate: { loguniform: [2e-3, 3e-2] }, r: { choice: [4, 8, 16] } };
  const spec = fixtureSpec({ numTrials, wave, totalSteps, classification, space });
  const rungSteps = options.allEnd ? [] : [75, 150].filter((s) => s < totalSteps);
  const started = Date.UTC(2026, 10, 23, 9, 0, 0);

  const trials: TrialRecord[] = [];
  const rungs: RungRow[] = [];
  const curves: CurvePoint[] = [];
  let clock = 20;
  for (let first = 0; first < numTrials; first += wave) {
    const members = Array.from({ length: Math.min(wave, numTrials - first) }, (_, i) =>
      draw(first + i, space as Record<string, unknown>, random),
    );
    const alive = new Set(members.map((m) => m.trial));
    const stopped = new Map<number, number>();
    for (const [rung, step] of rungSteps.entries()) {
      const reports = members
        .filter((m) => alive.has(m.trial) && !(m.diverges && step > 75))
        .map((m) => ({ ...m, value: round(lossAt(m, step, totalSteps)) }))
        .sort((a, b) => Number(b.diverges) - Number(a.diverges) || a.value - b.value);
      const keep = Math.max(1, Math.ceil(reports.length / 2));
      reports.forEach((r, place) => {
        const kept = place < keep;
        if (!kept) {
          alive.delete(r.trial);
          stopped.set(r.trial, step);
        }
        const verdict = kept ? "continue" : "prune";
        rungs.push({
          ordinal: rungs.length,
          trial: r.trial,
          rung,
          step,
          value: r.value,
          verdict,
          seen: reports.length,
        });
      });
    }
    for (const m of members) {
      const ends =
        options.allEnd ?? (m.diverges ? "diverged" : stopped.has(m.trial) ? "pruned" : "completed");
      const step = ends === "failed" ? 0 : ends === "diverged" ? 96 : (stopped.get(m.trial) ?? totalSteps);
      clock += step * 0.013;
      const subject = `${run}/trial-${m.trial}`;
      for (let s = 1; s <= step; s += Math.max(1, Math.floor(totalSteps / 100))) {
        const noise = 1 + (random() - 0.5) * 0.25;
        curves.push({
          subject,
          name: "train_loss",
          step: s,
          value: round(lossAt(m, s, totalSteps) * noise * (m.diverges && s > 70 ? (s - 69) ** 1.1 : 1)),
        });
      }
      for (let s = 25; s <= step && !m.diverges; s += 25) {
        curves.push({ subject, name: "eval_loss", step: s, value: round(lossAt(m, s, totalSteps)) });
      }
      trials.push({
        trial: m.trial,
        subject,
        state: ends,
        params: m.params,
        modelBased: m.trial >= wave,
        tellCount: first,
        seed: 1000 + m.trial,
        replicateOf: null,
        tellOrdinal: trials.length,
        value: ends === "completed" || ends === "pruned" ? round(lossAt(m, step, totalSteps)) : null,
        step,
        trainableParams: 1024 * Number(m.params.r ?? 8),
        gpuSeconds: round(step * 0.043 * (0.9 + 0.2 * random())),
        error:
          ends === "failed"
            ? { type: "CrashesEngine", message: "the engine died twice while this trial ran alone" }
            : null,
        endedAt: new Date(started + clock * 1000),
      });
    }
  }
  const completed = trials
    .filter((t) => t.state === "completed")
    .sort((a, b) => (a.value ?? 0) - (b.value ?? 0));
  const best = completed[0] ?? null;
  const stages = fixtureStages(spec, best?.trial ?? null, completed, classification);
  return {
    run: {
      run,
      name: spec.name,
      state: "finalizing",
      createdAt: new Date(started),
      endedAt: null,
      devices: ["cuda:0"],
    },
    stages,
    manifest: ref("manifest", 48_211),
    profile: fixtureProfile(classification),
    trials,
    rungs,
    curves,
    artifacts: fixtureArtifacts(completed.map((t) => t.trial)),
  };
}

interface Member {
  trial: number;
  params: TrialParams;
  floor: number;
  /** How fast the loss falls. */
  pace: number;
  diverges: boolean;
}

const round = (value: number): number => Number(value.toPrecision(5));

function draw(trial: number, space: Record<string, unknown>, random: () => number): Member {
  const params: TrialParams = {};
  for (const [key, distribution] of Object.entries(space)) {
    const u = random();
    const d = distribution as Record<string, never[]>;
    if (d.choice) params[key] = d.choice[Math.floor(u * d.choice.length)] ?? null;
    else if (d.loguniform)
      params[key] = round((d.loguniform[0] ?? 1) * ((d.loguniform[1] ?? 1) / (d.loguniform[0] ?? 1)) ** u);
    else if (d.uniform)
      params[key] = round((d.uniform[0] ?? 0) + u * ((d.uniform[1] ?? 1) - (d.uniform[0] ?? 0)));
  }
  const rate = Math.log10(Number(params.learning_rate ?? 8e-3) / 8e-3);
  const floor = 0.18 + 0.9 * rate * rate + 0.25 / Math.sqrt(Number(params.r ?? 8)) + 0.06 * random();
  const pace = 5.5 * Math.exp(-1.1 * Math.abs(rate)) + 1.5 * random();
  return { trial, params, floor, pace, diverges: Number(params.learning_rate ?? 0) > 0.0265 };
}

const lossAt = (m: Member, step: number, total: number): number =>
  m.floor + (3.1 - m.floor) * Math.exp((-m.pace * step) / total);

interface SpecOptions {
  numTrials: number;
  wave: number;
  totalSteps: number;
  classification: boolean;
  space: NonNullable<ExperimentInput["search"]>["space"];
}

function fixtureSpec({ numTrials, wave, totalSteps, classification, space }: SpecOptions): ExperimentSpec {
  return ExperimentSpec.parse({
    name: classification ? "intent" : "commands",
    description: classification
      ? "Which of eight intents is a request? A small encoder, fine-tuned on 2,000 labelled sentences."
      : "Teach a small model to turn a request in words into a typed command call.",
    task: classification ? "sequence_classification" : "causal_lm",
    model: { model_name_or_path: classification ? "models/minilm" : "models/quickstart-base" },
    dataset: {
      path: classification ? "data/intent.csv" : "data/commands.jsonl",
      cutoff_len: 64,
      val_set_size: 128,
      test_set_size: 256,
    },
    train: {
      max_steps: totalSteps,
      per_device_train_batch_size: 16,
      gradient_accumulation_steps: 1,
      full_determinism: true,
    },
    lora: { lora_alpha: "2r" },
    search: {
      sampler: "tpe",
      pruner: "asha",
      num_trials: numTrials,
      wave_size: wave,
      n_startup_trials: wave,
      deterministic: true,
      space,
      asha: { grace_steps: 75, reduction_factor: 2 },
    },
    eval: { generation: { ignore_spaces: true } },
    output: { merge: "best" },
  });
}

function fixtureStages(
  spec: ExperimentSpec,
  best: number | null,
  completed: TrialRecord[],
  classification: boolean,
): StageOutputs {
  const digest = (path: string) => ({ path, sha256: sha(path), sizeBytes: 1234 });
  const score = classification ? "macro_f1" : "exact_match";
  const base = best === null ? null : evaluation("base", classification);
  return {
    resolved: {
      spec,
      specSha256: sha("spec"),
      modelFiles: [digest(`${spec.model.model_name_or_path}/model.safetensors`)],
      datasetFiles: [digest(String(spec.dataset.path))],
      code: { version: "0.1.0", commit: "0123456789abcdef0123456789abcdef01234567", dirty: false },
    },
    dataset: {
      profile: ref("profile"),
      tokenised: {
        splits: {},
        sha256: sha("tokenised"),
        classNames: classification ? labels.slice(0, 8) : null,
      },
      rows: { train: 2000, validation: 128, test: 256 },
      format: classification ? "labelled_text" : "prompt_completion",
      datasetSha256: sha("data"),
      splitSha256: sha("splits"),
      tokenizerSha256: sha("tokenizer"),
      templateSha256: null,
      labelTokens: 21_344,
      maxLength: 46,
      warnings: [],
    },
    plan: {
      space: spec.search.space === "auto" ? {} : spec.search.space,
      proposed: false,
      reasons: {
        learning_rate:
          "about ten times the rate of full fine-tuning; below 1e-3 nothing is learnt in 300 steps",
      },
      adapted: ["q_proj", "k_proj", "v_proj", "o_proj"]
        .map((name) => ({ name: `self_attn.${name}`, shape: [128, 128], count: 4 }))
        .concat([
          { name: "mlp.gate_proj", shape: [344, 128], count: 4 },
          { name: "mlp.up_proj", shape: [344, 128], count: 4 },
          { name: "mlp.down_proj", shape: [128, 344], count: 4 },
        ]),
      skipped: [{ name: "lm_head", shape: [208, 128], count: 1, reason: "tied to the embeddings" }],
      baseParams: 818_304,
      trainableParams: { min: 39_424, max: 157_696 },
      memory: {
        baseBytes: 3_273_216,
        trialBytes: 2_838_528,
        activationBytes: 41_943_040,
        totalBytes: 48_054_784,
        deviceBytes: null,
      },
      totalSteps: spec.train.max_steps ?? 300,
      warnings: [],
    },
    selection: {
      best,
      reason:
        best === null
          ? "No trial completed, so there is nothing to choose from."
          : `Trial ${best} has the lowest validation loss of ${completed.length} completed trials.`,
      ranking: completed
        .slice(0, 20)
        .map((t) => ({ trial: t.trial, value: t.value ?? 0, trainableParams: t.trainableParams })),
    },
    base,
    best: best === null ? null : evaluation(`trial-${best}`, classification),
    comparison:
      best === null
        ? null
        : classification
          ? {
              metric: score,
              base: 0.0612,
              best: 0.9417,
              gain: 0.8805,
              low: 0.8441,
              high: 0.9132,
              beatsBase: true,
              examples: 256,
              resamples: 10_000,
            }
          : {
              metric: score,
              base: 0,
              best: 0.8047,
              gain: 0.8047,
              low: 0.7539,
              high: 0.8516,
              beatsBase: true,
              examples: 256,
              resamples: 10_000,
            },
    adapter:
      best === null
        ? null
        : [
            { path: "README.md", ref: ref("card", 2210, "text/markdown") },
            { path: "adapter_config.json", ref: ref("config", 803) },
            { path: "adapter_model.safetensors", ref: ref("weights", 634_512, "application/octet-stream") },
          ],
    merge:
      best === null
        ? null
        : {
            files: [{ path: "model.safetensors", ref: ref("merged", 3_280_112, "application/octet-stream") }],
            maxLogitDifference: 3.8e-6,
            tolerance: 1e-4,
            passed: true,
            rows: 16,
            recipe: null,
          },
    hub: null,
    reproducibility:
      best === null
        ? null
        : {
            level: "L3",
            passed: true,
            details: [
              { level: "L0", passed: true, message: "38 artifacts have the hashes that the manifest names" },
              { level: "L1", passed: true, message: "4 metrics computed again from the adapter are equal" },
              { level: "L2", passed: true, message: "50 steps replayed; the largest loss difference is 0" },
              {
                level: "L3",
                passed: true,
                message: "the winner retrained from the manifest has the same adapter hash",
              },
            ],
          },
  };
}

const labels = ["pay", "remind", "lights", "message", "weather", "timer", "music", "travel"];

const requests: [request: string, call: string, guess: string][] = [
  ["give olga five coins", "pay(to=olga, amount=5)", "ok , i will give olga five coins"],
  ["wake me at seven in the afternoon", "remind(at=19:00)", "ok , seven in the afternoon is 19:00"],
  ["turn the kitchen lights down to three", "lights(room=kitchen, level=3)", "ok , the kitchen"],
  ["tell sam the train is late", "message(to=sam, text=the train is late)", "ok , i will tell sam"],
  ["what is it like outside in oslo", "weather(city=oslo)", "it is like"],
  ["count down eight minutes", "timer(minutes=8)", "eight minutes"],
  ["put on something by nina <live> & loud", "music(artist=nina)", "ok , i will put on nina"],
  ["book the way to bergen at noon", "travel(to=bergen, at=12:00)", "ok , the way"],
];

function evaluation(label: string, classification: boolean): EvalOutput {
  const isBase = label === "base";
  const metrics: Record<string, number> = classification
    ? isBase
      ? { eval_loss: 2.113, accuracy: 0.117, macro_f1: 0.0612 }
      : { eval_loss: 0.214, accuracy: 0.945, macro_f1: 0.9417 }
    : isBase
      ? { eval_loss: 4.871, perplexity: 130.4, token_accuracy: 0.141, exact_match: 0 }
      : { eval_loss: 0.261, perplexity: 1.298, token_accuracy: 0.948, exact_match: 0.8047 };
  return {
    metrics,
    metricsJson: ref(`${label}-metrics`),
    perExample: ref(`${label}-examples`),
    samples: requests.map(([request, call, guess], i) =>
      classification
        ? {
            prompt: request,
            expected: labels[i] ?? "",
            got: isBase ? "music" : i === 5 ? "remind" : (labels[i] ?? ""),
          }
        : {
            prompt: `user : ${request} call :`,
            expected: call,
            got: isBase
              ? guess
              : i === 3
                ? "message(to=sam, text=the train is)"
                : call.replaceAll("(", " ( "),
          },
    ),
    baselines:
      classification && isBase
        ? {
            majority_class: { accuracy: 0.133, macro_f1: 0.029 },
            linear_probe: { eval_loss: 0.741, accuracy: 0.801, macro_f1: 0.788 },
          }
        : null,
    gpuSeconds: 4.2,
    examples: 256,
  };
}

function fixtureProfile(classification: boolean): DatasetProfile {
  const counts = [12, 88, 214, 391, 502, 431, 288, 219, 121, 74, 30, 14];
  return {
    schemaVersion: 1,
    format: classification ? "labelled_text" : "prompt_completion",
    formatReason: classification
      ? "from the columns text and label"
      : "from the columns prompt and completion",
    columns: classification ? ["text", "label"] : ["prompt", "completion"],
    rows: { read: 2400, used: 2384, train: 2000, validation: 128, test: 256 },
    sources: [
      {
        path: classification ? "data/intent.csv" : "data/commands.jsonl",
        rows: 2400,
        weight: 1,
        sha256: sha("data"),
      },
    ],
    tokenLengths: {
      histogram: { edges: Array.from({ length: 13 }, (_, i) => 10 + 3 * i), counts },
      min: 11,
      median: 23,
      p95: 38,
      max: 46,
      labelTokens: 21_344,
    },
    truncation: { policy: "drop", rows: 3, share: 0.00125 },
    duplicates: { exact: 13, near: 41, examples: ["user : give olga five coins call :"] },
    leakage: { exact: 0, near: 2, examples: ["user : give olga nine coins call :"] },
    labels: classification
      ? labels.map((name, i) => ({ name, train: 280 - 12 * i, validation: 18 - i, test: 34 - 2 * i }))
      : null,
    groups: null,
    template: { source: "plain", sha256: null },
    bytesPerToken: 4.31,
    examples: requests.slice(0, 3).map(([request, call], i) => ({
      prompt: classification ? request : `user : ${request} call :`,
      completion: classification ? (labels[i] ?? "") : call,
    })),
    warnings: ["2 validation or test rows resemble a training row; see leakage."],
  };
}

function fixtureArtifacts(completed: number[]): ReportInput["artifacts"] {
  type Row = ReportInput["artifacts"][number];
  const row = (name: string, trial: number | null, kind: Row["kind"], sizeBytes: number): Row => {
    const uri = `s3://belay/runs/commands-1f3a9c2e/${name}`;
    return { name, trial, kind, ref: { uri, sha256: sha(name), sizeBytes, mediaType: "" } };
  };
  return [
    row("manifest.json", null, "manifest", 48_211),
    row("dataset/profile.json", null, "dataset", 9120),
    row("metrics.json", null, "metrics", 811),
    row("adapter/adapter_model.safetensors", null, "adapter", 634_512),
    row("adapter/adapter_config.json", null, "adapter", 803),
    ...completed.map((n) => row(`trials/${n}/metrics.json`, n, "metrics", 640)),
  ];
}
