import { ApplicationFailure, sleep } from "@temporalio/workflow";
import type { CheckpointRef } from "../../contracts/artifact";
import type { TrainingOutput } from "../../contracts/skills";
import { runJob } from "../../dispatch/run-job";
import { kernel } from "../../proxies";
import { trainingJob } from "./jobs";
import type { TrialRun } from "./trial-run";

/** A leg that ended by itself: at its target, or because the loss is not finite. */
export type Leg = TrainingOutput & { status: "reached" | "diverged" };

/**
 * Trains up to `target`, across pauses. `keepSeat`: the next leg or the evaluation follows at once on the same seat.
 */
export async function trainTo(trial: TrialRun, target: number, keepSeat: boolean): Promise<Leg> {
  for (;;) {
    await resumeFromPause(trial);
    trial.machine.to("running");
    const output = await trial.interruptible(() =>
      runJob<TrainingOutput>(trainingJob(trial.input, target), {
        session: trial.session,
        keepSeat,
        summary: `trial ${trial.input.trial} to step ${target}`,
        onEvent: (event) => trial.note(event),
        onCheckpoint: (checkpoint) => trial.left(checkpoint),
        onFailed: (gpuSeconds) => trial.use(gpuSeconds),
      }),
    );
    if (output === "interrupted") continue;
    account(trial, output);
    const { status } = output;
    if (status !== "stopped") return { ...output, status };
    // Stopped on request, or by an engine that is shutting down: the seat is of no use either way.
    await trial.session.release();
    trial.switch.throwIfCancelled();
    if (!trial.switch.paused) await sleep("1s", { summary: "before another engine is asked for" });
  }
}

async function resumeFromPause(trial: TrialRun): Promise<void> {
  if (!trial.switch.paused) return trial.switch.throwIfCancelled();
  await trial.session.release();
  trial.machine.to("paused");
  void trial.trace.flush();
  await trial.switch.whenRunning();
}

function account(trial: TrialRun, output: TrainingOutput): void {
  trial.step = output.step;
  trial.use(output.gpuSeconds);
  trial.trainableParams = output.trainableParams;
  trial.initSha256 = output.initSha256;
  if (output.checkpoint !== null) trial.adapterSha256 = output.adapterSha256;
  if (output.walSegments.length === 0) return;
  const segments = { run: trial.input.run, segments: output.walSegments };
  const summary = `${output.walSegments.length} segments`;
  trial.beside(kernel["trace.ingest"].executeWithOptions({ summary }, [segments]));
}

export function checkpointOf(leg: Leg): CheckpointRef {
  if (leg.checkpoint === null) {
    throw ApplicationFailure.nonRetryable(
      `training reached step ${leg.step} without a checkpoint`,
      "Internal",
    );
  }
  return leg.checkpoint;
}
