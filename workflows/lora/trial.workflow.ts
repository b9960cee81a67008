import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  setHandler,
  TemporalFailure,
} from "@temporalio/workflow";
import type { TrialControl } from "../contracts/messages";
import type { EvalOutput } from "../contracts/skills";
import type { TrialOutcome } from "../contracts/trial";
import type { TrialInput } from "../contracts/workflow-inputs";
import { runJob, sessionFor } from "../dispatch/run-job";
import { kernel } from "../proxies";
import { describeFailure } from "../reliability/failures";
import { trialAccountQuery, trialControlSignal, trialStatusQuery } from "./definitions";
import { unfinishedOutcome } from "./outcomes";
import { evaluationJob, trainingJob } from "./trial/jobs";
import { checkpointOf, type Leg, trainTo } from "./trial/legs";
import { TrialRun } from "./trial/trial-run";

/**
 * One trial: trains from rung to rung as long as its experiment says so, is evaluated, stored, and reports its outcome.
 * Ends as failed in Temporal too when it did, and as cancelled when it was asked to; its experiment was told before.
 */
export async function trialWorkflow(input: TrialInput): Promise<TrialOutcome> {
  const trial = new TrialRun(input, sessionFor(trainingJob(input, input.totalSteps)));
  setHandler(trialStatusQuery, () => trial.row(), { description: "State of the trial" });
  setHandler(trialAccountQuery, () => trial.account(), {
    description: "What the trial has used and left behind",
  });
  setHandler(trialControlSignal, (control) => {
    // Whoever sends one by hand may send nothing, and it stays in the history.
    const { verdict, action } = control ?? ({} as TrialControl);
    if (verdict) trial.decide(verdict.rung, verdict.verdict);
    if (action === "pause") trial.pause();
    if (action === "resume") trial.switch.resume();
  });
  trial.switch.followNativeCancellation(() => trial.switch.cancel());
  return CancellationScope.nonCancellable(async () => {
    trial.watchExperiment();
    const outcome = await carryOut(trial);
    await trial.close(outcome);
    if (outcome.state === "cancelled" && trial.switch.native)
      throw new CancelledFailure(`Trial ${input.trial} was cancelled`);
    if (outcome.state !== "failed") return outcome;
    const { type, message } = outcome.error ?? { type: "Internal", message: "failed" };
    throw ApplicationFailure.nonRetryable(message, type, outcome);
  });
}

/** The trial's outcome, whatever happens; only a defect of ours leaves by a throw, and waits to be mended. */
async function carryOut(trial: TrialRun): Promise<TrialOutcome> {
  try {
    return await train(trial);
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
    await trial.session.release();
    const state = trial.switch.cancelled ? "cancelled" : "failed";
    const cause = trial.isOrphan
      ? { type: "Cancelled", message: "its experiment is gone" }
      : state === "cancelled"
        ? null
        : describeFailure(error);
    // Refused: this execution was begun, by a reset, after its end, or its run was started anew.
    if (cause?.type === "Cancelled") trial.leaveItsRecord();
    return ended(trial, unfinishedOutcome(trial.input.trial, { state, error: cause }));
  }
}

async function train(trial: TrialRun): Promise<TrialOutcome> {
  const { input } = trial;
  for (const [rung, step] of input.rungs.entries()) {
    const leg = await trainTo(trial, step, !input.synchronous);
    if (leg.status === "diverged") return diverged(trial);
    const value = leg.metrics[input.rungMetric] ?? null;
    trial.machine.to("waiting");
    const report = { trial: input.trial, rung, step: leg.step, value, metrics: leg.metrics };
    const verdict = await trial.askVerdict(report);
    if (verdict === "prune") {
      await trial.session.release();
      const none = unfinishedOutcome(input.trial, { state: "pruned", error: null });
      return ended(trial, { ...none, value, metrics: leg.metrics });
    }
  }
  const leg = await trainTo(trial, input.totalSteps, true);
  if (leg.status === "diverged") return diverged(trial);
  return evaluateAndStore(trial, leg);
}

/** Nothing follows on the seat. */
async function diverged(trial: TrialRun): Promise<TrialOutcome> {
  await trial.session.release();
  return ended(trial, unfinishedOutcome(trial.input.trial, { state: "diverged", error: null }));
}

async function evaluateAndStore(trial: TrialRun, leg: Leg): Promise<TrialOutcome> {
  const { input } = trial;
  const { spec } = input.resolved;
  const checkpoint = checkpointOf(leg);
  trial.machine.to("evaluating");
  const evaluation = await trial.switch.interruptible(() =>
    runJob<EvalOutput>(evaluationJob(input, checkpoint), {
      session: trial.session,
      summary: `trial ${input.trial} on validation rows`,
      onEvent: (event) => trial.note(event),
    }),
  );
  trial.use(evaluation.gpuSeconds);
  const value = evaluation.metrics[spec.search.metric];
  if (value === undefined) {
    const measured = Object.keys(evaluation.metrics).sort().join(", ");
    throw ApplicationFailure.nonRetryable(
      `search.metric: ${spec.search.metric} was not measured; there are ${measured || "no metrics"}`,
      "InvalidSpec",
    );
  }
  trial.value = value;
  trial.machine.to("storing");
  const { run, chain, trial: number } = input;
  const stored = await trial.switch.interruptible(() =>
    kernel["artifact.store"].executeWithOptions({ summary: `trial ${number}` }, [
      { run, trial: number, subject: trial.id, chain, checkpoint, evaluation },
    ]),
  );
  const none = unfinishedOutcome(number, { state: "completed", error: null });
  return ended(trial, { ...none, value, metrics: evaluation.metrics, adapter: stored.adapter });
}

/** Adds what the trial has used and left behind. */
const ended = (trial: TrialRun, outcome: TrialOutcome): TrialOutcome => ({ ...outcome, ...trial.account() });
