import type { StageOutputs } from "../../../workflows/contracts";
import { drawnNote } from "./parallel";
import type { GpuView, TrialView } from "./report-data";
import { viewStates } from "./trials";

/** Keys that change how long a trial is; with one of them in the space, planned steps differ by trial. */
const lengthKeys = [
  "max_steps",
  "num_train_epochs",
  "per_device_train_batch_size",
  "gradient_accumulation_steps",
];

export function gpuView(
  devices: readonly string[],
  trials: readonly TrialView[],
  drawn: readonly TrialView[],
  stages: StageOutputs,
): GpuView {
  const planned =
    stages.plan && !lengthKeys.some((key) => key in (stages.plan?.space ?? {}))
      ? stages.plan.totalSteps
      : null;
  const pruned = trials.filter((t) => t.state === "pruned");
  const steps = trials.reduce((sum, t) => sum + t.step, 0);
  const spared = planned === null ? 0 : pruned.reduce((sum, t) => sum + Math.max(0, planned - t.step), 0);
  return {
    processor: devices.length > 0 && devices.every((device) => device.startsWith("cpu")) ? "CPU" : "GPU",
    training: trials.reduce((sum, t) => sum + t.gpuSeconds, 0),
    evaluation: (stages.base?.gpuSeconds ?? 0) + (stages.best?.gpuSeconds ?? 0),
    perTrial: drawn.map((t) => ({ trial: t.trial, seconds: t.gpuSeconds, state: t.state, isBest: t.isBest })),
    byState: viewStates
      .map((state) => ({
        state,
        seconds: trials.filter((t) => t.state === state).reduce((sum, t) => sum + t.gpuSeconds, 0),
      }))
      .filter((row) => row.seconds > 0),
    savedShare: planned === null || pruned.length === 0 ? null : spared / (steps + spared),
    note: drawnNote(drawn.length, trials.length),
  };
}
