import type { Distribution, ExperimentSpec, SearchPlan, StageOutputs } from "../../../workflows/contracts";
import { bytes, choice, count, metricName, plural } from "./format";
import { bestValues } from "./importance";
import type { Fact, SpaceRow, Split, TrialView, WeightsView } from "./report-data";
import { describe } from "./scale";

const samplers: Record<ExperimentSpec["search"]["sampler"], string> = {
  random: "random search",
  grid: "grid",
  tpe: "TPE",
  gp: "Gaussian process",
  cmaes: "CMA-ES",
};

/** What was asked, in the words of the experiment file. */
export function asked(spec: ExperimentSpec, plan: SearchPlan | null, split: Split): Fact[] {
  const { search, train, model } = spec;
  const path = spec.dataset.path;
  return [
    {
      label: "Task",
      value: spec.task === "causal_lm" ? "language model (completion)" : "sequence classification",
    },
    {
      label: "Base model",
      value: model.model_name_or_path,
      note: [
        plan && `${count(plan.baseParams)} parameters`,
        model.revision && `revision ${model.revision.slice(0, 12)}`,
        model.dtype !== "auto" && model.dtype,
        model.load_in_4bit && "4-bit",
      ]
        .filter(Boolean)
        .join(", "),
    },
    {
      label: "Data",
      value: typeof path === "string" ? path : path.map((s) => `${s.path} (×${s.weight})`).join(", "),
    },
    {
      label: "Objective",
      value: `${metricName(search.metric)}, ${search.mode === "min" ? "lower" : "higher"} is better`,
      note: `measured on validation rows${split === "test" ? "; test rows were used once, at the end" : ""}`,
    },
    {
      label: "Search",
      value: `${plural(search.num_trials, "trial")} by ${samplers[search.sampler]}`,
      note: `seed ${search.seed}${search.wave_size ? `, waves of ${search.wave_size}` : ""}${search.replicates > 1 ? `, finalists rerun with ${search.replicates} seeds` : ""}`,
    },
    { label: "Pruning", value: pruning(search) },
    ...stopping(search),
    {
      label: "Trial length",
      value: plan ? plural(plan.totalSteps, "optimizer step") : "set by the data",
      note: `batch of ${train.per_device_train_batch_size * train.gradient_accumulation_steps}, ${train.lr_scheduler_type} schedule`,
    },
    {
      label: "Repeatability",
      value: promisesBits(spec) ? "bit for bit on the same hardware" : "within tolerance",
      note: search.deterministic ? "waves and synchronous rungs" : "trials ran as seats came free",
    },
  ];
}

export const promisesBits = (spec: ExperimentSpec): boolean =>
  spec.train.full_determinism && spec.search.deterministic;

function pruning(search: ExperimentSpec["search"]): string {
  if (search.pruner === "none") return "none";
  if (search.pruner === "median") {
    return `median rule after ${search.median.grace_steps} steps, from ${search.median.min_trials} trials on`;
  }
  const kind =
    search.pruner === "hyperband" ? "hyperband" : search.deterministic ? "synchronous halving" : "ASHA";
  const rounded = search.deterministic ? " (of each wave, rounded up)" : "";
  return `${kind}: 1 in ${search.asha.reduction_factor} goes on${rounded}, from step ${search.asha.grace_steps}`;
}

function stopping({ stop }: ExperimentSpec["search"]): Fact[] {
  const limits = [
    stop.gpu_hours !== null && `${stop.gpu_hours} GPU-hours are used`,
    stop.patience !== null && `${plural(stop.patience, "trial")} brought no improvement`,
  ].filter((limit) => limit !== false);
  return limits.length > 0 ? [{ label: "Stops early", value: `when ${limits.join(", or ")}` }] : [];
}

export function spaceRows(plan: SearchPlan | null, trials: readonly TrialView[]): SpaceRow[] {
  if (!plan) return [];
  const ranked = trials.filter((t) => t.rank !== null).sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0));
  return Object.entries(plan.space as Record<string, Distribution>).map(([key, distribution]) => ({
    key,
    range: describe(distribution),
    reason: plan.reasons[key] ?? null,
    best: ranked.length > 0 ? bestValues(ranked, key, distribution) : null,
  }));
}

export function weights(plan: StageOutputs["plan"]): WeightsView | null {
  if (!plan) return null;
  const row = (w: { name: string; shape: number[]; count: number }) => ({
    name: w.name,
    shape: w.shape.join(" × "),
    count: w.count,
  });
  const { memory } = plan;
  return {
    adapted: plan.adapted.map(row),
    skipped: plan.skipped.map((w) => ({ ...row(w), reason: w.reason })),
    baseParams: plan.baseParams,
    trainable: plan.trainableParams,
    memory: [
      { label: "Base", value: bytes(memory.baseBytes) },
      { label: "Per trial", value: bytes(memory.trialBytes) },
      { label: "Activations", value: bytes(memory.activationBytes) },
      { label: "Together", value: bytes(memory.totalBytes) },
      ...(memory.deviceBytes === null ? [] : [{ label: "Device", value: bytes(memory.deviceBytes) }]),
    ],
  };
}

export const paramFacts = (params: Readonly<Record<string, unknown>>): Fact[] =>
  Object.entries(params).map(([label, value]) => ({
    label,
    value: choice(value),
  }));
