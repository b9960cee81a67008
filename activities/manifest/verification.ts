import type { ExperimentSpec, StageOutputs, VerificationPlan } from "../../workflows/contracts";
import { comparedOn } from "../../workflows/contracts/stages";
import { testMetrics } from "../../workflows/lora/metrics";
import { trialConfig } from "../../workflows/lora/trial-config";
import type { StoredTrial } from "../persistence/read-trials";

/** Steps of the winner that level L2 repeats. */
export const REPLAY_STEPS = 20;

/** Full precision repeats to rounding; half precision to what reordered sums make of it. */
const tolerancesByPrecision = {
  full: { metric: 1e-4, loss: 1e-4 },
  half: { metric: 2e-2, loss: 2e-2 },
};

export interface PlanFacts {
  run: string;
  stages: StageOutputs;
  winner: StoredTrial | null;
  /** Recorded train_loss of the winner, up to REPLAY_STEPS. */
  lossCurve: { step: number; value: number }[];
  /** Where the winner was trained, such as cpu or cuda. */
  device: string;
}

/** How this run can be checked again, with no other source than this. */
export function verificationPlan({ run, stages, winner, lossCurve, device }: PlanFacts): VerificationPlan {
  const { spec } = stages.resolved;
  return {
    run,
    winner: winner && winnerPlan(stages, winner, lossCurve),
    bitwise: spec.train.full_determinism && spec.search.deterministic,
    device,
    tolerances: tolerancesByPrecision[isFullPrecision(spec, device) ? "full" : "half"],
    replaySteps: REPLAY_STEPS,
  };
}

/** `auto` means float32 on a CPU and bfloat16 elsewhere. */
const isFullPrecision = ({ model }: ExperimentSpec, device: string): boolean =>
  model.dtype === "float32" || (model.dtype === "auto" && !device.startsWith("cuda"));

function winnerPlan(
  stages: StageOutputs,
  winner: StoredTrial,
  lossCurve: PlanFacts["lossCurve"],
): VerificationPlan["winner"] {
  const { spec } = stages.resolved;
  const { dataset, best } = stages;
  if (!dataset || !best || !winner.checkpoint || !winner.adapterSha256) return null;
  const common = { task: spec.task, model: spec.model, dataset: dataset.tokenised };
  return {
    trial: winner.trial,
    training: {
      ...common,
      trial: winner.trial,
      config: trialConfig(spec, winner.params, winner.seed),
      eval: spec.eval,
      save: spec.save,
      targetStep: winner.step,
      totalSteps: winner.step,
      parkSeconds: 0,
    },
    evaluation: {
      ...common,
      label: `trial-${winner.trial}`,
      checkpoint: winner.checkpoint,
      split: comparedOn(stages),
      metrics: testMetrics(spec),
      eval: spec.eval,
      baselines: false,
    },
    checkpoint: winner.checkpoint,
    adapterSha256: winner.adapterSha256,
    metrics: best.metrics,
    lossCurve,
  };
}
