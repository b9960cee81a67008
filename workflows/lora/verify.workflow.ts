import { ApplicationFailure, isCancellation, TemporalFailure, workflowInfo } from "@temporalio/workflow";
import type { VerificationPlan } from "../contracts/activities";
import { JobSpec } from "../contracts/job-spec";
import type { ReproducibilityVerdict } from "../contracts/messages";
import type { EvalOutput, TrainingOutput } from "../contracts/skills";
import type { VerifyInput } from "../contracts/workflow-inputs";
import { runJob } from "../dispatch/run-job";
import { kernel } from "../proxies";
import { describeFailure } from "../reliability/failures";
import { TraceRecorder } from "../trace/recorder";
import type { Finding, Level } from "./verify/judgement";
import * as judgement from "./verify/judgement";

/** Checks a finished run from its manifest alone, and records the verdict. */
export async function verifyWorkflow(input: VerifyInput): Promise<ReproducibilityVerdict> {
  for (const level of input.levels ?? []) {
    if (judgement.isLevel(level)) continue;
    throw ApplicationFailure.nonRetryable(
      `levels: expected L0, L1, L2 or L3, got ${JSON.stringify(level)}`,
      "InvalidSpec",
    );
  }
  const plan = await kernel["manifest.load"].executeWithOptions({ summary: "manifest.json" }, [
    { run: input.run },
  ]);
  const levels = new Set<Level>(input.levels ?? judgement.defaultLevels(plan.bitwise));
  const verification = new Verification(plan);
  const findings: Finding[] = [];
  if (levels.has("L0")) {
    findings.push(judgement.hashesFinding(await kernel["reproducibility.hashes"]({ run: input.run })));
  }
  if (levels.has("L1")) findings.push(await attempt("L1", () => verification.measureAgain()));
  if (levels.has("L3")) findings.push(...(await verification.retrain(levels.has("L2"))));
  else if (levels.has("L2")) findings.push(await attempt("L2", () => verification.replay()));
  const verdict = judgement.judge(findings);
  await kernel["reproducibility.record"]({ run: input.run, verdict });
  await verification.close();
  return verdict;
}

/** A check that cannot be carried out has not passed. */
async function attempt(level: Level, check: () => Promise<Finding>): Promise<Finding> {
  try {
    return await check();
  } catch (error) {
    if (isCancellation(error) || !(error instanceof TemporalFailure)) throw error;
    const { type, message } = describeFailure(error);
    return { level, passed: false, message: `${type}: ${message}` };
  }
}

class Verification {
  private readonly trace: TraceRecorder;
  /** New for every verification: it must not find the checkpoints of another. */
  private readonly subject: string;

  constructor(private readonly plan: VerificationPlan) {
    this.trace = new TraceRecorder(plan.run);
    this.subject = `${plan.run}/verify-${workflowInfo().firstExecutionRunId.slice(0, 8)}`;
  }

  close(): Promise<void> {
    return this.trace.drain();
  }

  /** L1 */
  async measureAgain(): Promise<Finding> {
    const { winner, tolerances } = this.plan;
    if (winner === null) return noWinner("L1");
    const output = await this.run<EvalOutput>("eval.run", winner.evaluation, "winner measured again");
    return judgement.metricsFinding(winner.metrics, output.metrics, tolerances.metric);
  }

  /** L2: the first steps once more. */
  async replay(): Promise<Finding> {
    const { winner } = this.plan;
    if (winner === null) return noWinner("L2");
    const steps = Math.min(this.plan.replaySteps, winner.training.totalSteps);
    await this.train(steps);
    return this.compareLosses(steps);
  }

  /** L3: all steps once more; the losses on the way serve for L2. */
  async retrain(withReplay: boolean): Promise<Finding[]> {
    const { winner } = this.plan;
    if (winner === null) return [noWinner("L3")];
    let retrained: TrainingOutput | null = null;
    const bits = await attempt("L3", async () => {
      retrained = await this.train(winner.training.totalSteps);
      return judgement.retrainFinding(winner.adapterSha256, retrained.adapterSha256);
    });
    if (!withReplay) return [bits];
    const losses = await attempt("L2", () => this.compareLosses(winner.training.totalSteps));
    return [losses, bits];
  }

  private async train(targetStep: number): Promise<TrainingOutput> {
    const { training } = this.plan.winner as NonNullable<VerificationPlan["winner"]>;
    const params = { ...training, targetStep, parkSeconds: 0 };
    const output = await this.run<TrainingOutput>(
      "training.run",
      params,
      `winner trained again to step ${targetStep}`,
    );
    const { walSegments } = output;
    await kernel["trace.ingest"]({ run: this.plan.run, segments: walSegments });
    return output;
  }

  private async compareLosses(upToStep: number): Promise<Finding> {
    const { winner, tolerances } = this.plan;
    const replayed = await kernel["metrics.curve"]({ subject: this.subject, name: "train_loss", upToStep });
    return judgement.replayFinding(winner?.lossCurve ?? [], replayed, tolerances.loss);
  }

  private run<T>(entrypoint: JobSpec["entrypoint"], params: object, summary: string): Promise<T> {
    const checkpoint = entrypoint === "training.run";
    const job = JobSpec.parse({ entrypoint, run: this.plan.run, subject: this.subject, params, checkpoint });
    return runJob<T>(job, { summary, onEvent: (event) => this.trace.add(event) });
  }
}

const noWinner = (level: Level): Finding => ({ level, passed: false, message: "the run has no winner" });
