import { ApplicationFailure, CancellationScope, sleep, workflowInfo } from "@temporalio/workflow";
import type { VerificationPlan } from "../contracts/activities";
import { isMapping } from "../contracts/experiment/mapping";
import { JobSpec } from "../contracts/job-spec";
import type { ReproducibilityVerdict, VerifyLevel } from "../contracts/messages";
import type { EvalOutput, TrainingOutput } from "../contracts/skills";
import type { VerifyInput } from "../contracts/workflow-inputs";
import { runJob } from "../dispatch/run-job";
import { kernel } from "../proxies";
import { describeFailure, isCallFailure } from "../reliability/failures";
import { legSeconds } from "../reliability/policies";
import { TraceRecorder } from "../trace/recorder";
import type { Finding } from "./verify/judgement";
import * as judgement from "./verify/judgement";

/** Checks a finished run from its manifest alone, and records the verdict. */
export async function verifyWorkflow(input: VerifyInput): Promise<ReproducibilityVerdict> {
  checkInput(input);
  const plan = await kernel["manifest.load"].executeWithOptions({ summary: "manifest.json" }, [
    { run: input.run },
  ]);
  const levels = new Set<VerifyLevel>(input.levels ?? judgement.defaultLevels(plan.bitwise));
  const verification = new Verification(plan);
  try {
    const verdict = judgement.judge(await verification.check(levels));
    // A look at some levels says nothing of the others, so the verdict on record stays.
    if (judgement.defaultLevels(plan.bitwise).every((level) => levels.has(level)))
      await kernel["reproducibility.record"].executeWithOptions({ summary: "verdict" }, [
        { run: input.run, verdict },
      ]);
    return verdict;
  } finally {
    await CancellationScope.nonCancellable(() => verification.close());
  }
}

/** A person may have written it by hand. */
function checkInput(input: unknown): void {
  const invalid = (message: string) => ApplicationFailure.nonRetryable(message, "InvalidSpec");
  const { run, levels } = isMapping(input) ? input : {};
  if (typeof run !== "string") throw invalid('expected {"run": the run to verify}');
  if (levels === undefined || levels === null) return;
  const wrong = Array.isArray(levels) ? levels.find((level) => !judgement.isLevel(level)) : levels;
  if (wrong !== undefined) throw invalid(`levels: expected L0, L1, L2 or L3, got ${JSON.stringify(wrong)}`);
}

/** A check that cannot be carried out has not passed. */
async function attempt(level: VerifyLevel, check: () => Promise<Finding>): Promise<Finding> {
  try {
    return await check();
  } catch (error) {
    if (!isCallFailure(error)) throw error;
    const { type, message } = describeFailure(error);
    return { level, passed: false, message: `${type}: ${message}` };
  }
}

class Verification {
  private readonly trace: TraceRecorder;
  /**
   * New for every verification: it must not find the checkpoints of another. A run id begins with the time, so that only
   * its end tells apart what was started within a minute.
   */
  private readonly subject: string;

  constructor(private readonly plan: VerificationPlan) {
    this.trace = new TraceRecorder(plan.run);
    this.subject = `${plan.run}/verify-${workflowInfo().firstExecutionRunId.slice(-12)}`;
  }

  close(): Promise<void> {
    return this.trace.drain();
  }

  async check(levels: ReadonlySet<VerifyLevel>): Promise<Finding[]> {
    const { run } = this.plan;
    const findings: Finding[] = [];
    if (levels.has("L0"))
      findings.push(
        await attempt("L0", async () =>
          judgement.hashesFinding(
            await kernel["reproducibility.hashes"].executeWithOptions({ summary: "every artifact" }, [
              { run },
            ]),
          ),
        ),
      );
    if (levels.has("L1")) findings.push(await attempt("L1", () => this.measureAgain()));
    if (levels.has("L3")) findings.push(...(await this.retrain(levels.has("L2"))));
    else if (levels.has("L2")) findings.push(await attempt("L2", () => this.replay()));
    return findings;
  }

  /** L1 */
  private async measureAgain(): Promise<Finding> {
    const { winner, tolerances } = this.plan;
    if (winner === null) return noWinner("L1");
    const output = await this.run<EvalOutput>("eval.run", winner.evaluation, "winner measured again");
    return judgement.metricsFinding(winner.metrics, output.metrics, tolerances.metric);
  }

  /** L2: the first steps once more. */
  private async replay(): Promise<Finding> {
    const { winner } = this.plan;
    if (winner === null) return noWinner("L2");
    const steps = Math.min(this.plan.replaySteps, winner.training.totalSteps);
    const replayed = await this.train(steps);
    if (replayed.status === "diverged") return judgement.divergedFinding("L2", replayed.step);
    return this.compareLosses(steps);
  }

  /** L3: all steps once more; the losses on the way serve for L2. */
  private async retrain(withReplay: boolean): Promise<Finding[]> {
    const { winner } = this.plan;
    if (winner === null) return [noWinner("L3")];
    const bits = await attempt("L3", async () => {
      const retrained = await this.train(winner.training.totalSteps);
      return retrained.status === "diverged"
        ? judgement.divergedFinding("L3", retrained.step)
        : judgement.retrainFinding(winner.adapterSha256, retrained.adapterSha256, this.plan.device);
    });
    if (!withReplay) return [bits];
    const losses = await attempt("L2", () => this.compareLosses(winner.training.totalSteps));
    return [losses, bits];
  }

  /** Trains to the step, or to where the loss is not finite; goes on elsewhere when an engine shuts down. */
  private async train(targetStep: number): Promise<TrainingOutput> {
    const { training } = this.plan.winner as NonNullable<VerificationPlan["winner"]>;
    const params = { ...training, targetStep, parkSeconds: 0 };
    const summary = `winner trained again to step ${targetStep}`;
    for (;;) {
      const output = await this.run<TrainingOutput>("training.run", params, summary);
      if (output.status === "stopped") {
        await sleep("1s", { summary: "before another engine is asked for" });
        continue;
      }
      // The answer names the newest segments of the last attempt alone, so the store is listed for all of them.
      const { run } = this.plan;
      await kernel["trace.ingest"].executeWithOptions({ summary: "losses" }, [{ run, segments: [] }]);
      return output;
    }
  }

  private async compareLosses(upToStep: number): Promise<Finding> {
    const { winner, tolerances } = this.plan;
    const replayed = await kernel["metrics.curve"].executeWithOptions({ summary: "losses" }, [
      { subject: this.subject, name: "train_loss", upToStep },
    ]);
    return judgement.replayFinding(winner?.lossCurve ?? [], replayed, upToStep, tolerances.loss);
  }

  private run<T>(entrypoint: JobSpec["entrypoint"], params: object, summary: string): Promise<T> {
    const checkpoint = entrypoint === "training.run";
    const job = JobSpec.parse({
      entrypoint,
      run: this.plan.run,
      subject: this.subject,
      params,
      checkpoint,
      ...(checkpoint && { timeoutSeconds: legSeconds }),
    });
    return runJob<T>(job, { summary, onEvent: (event) => this.trace.add(event) });
  }
}

const noWinner = (level: VerifyLevel): Finding => ({
  level,
  passed: false,
  message: "the run has no winner",
});
