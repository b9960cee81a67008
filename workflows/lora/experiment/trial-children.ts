import { condition, getExternalWorkflowHandle, startChild } from "@temporalio/workflow";
import { type TrialControl, WorkflowTypes } from "../../contracts/messages";
import { trialId } from "../../contracts/trial-id";
import type { TrialInput } from "../../contracts/workflow-inputs";
import { describeFailure } from "../../reliability/failures";
import { attributes, trialControlSignal } from "../definitions";
import { unfinishedOutcome } from "../outcomes";
import type { Search } from "../search/search";
import type { LiveTrial } from "../search/state";
import { trialConfig } from "../trial-config";
import type { ExperimentRun } from "./experiment-run";

/**
 * The trials as child workflows. They are abandoned by policy: only so do they outlive this execution when it continues
 * as new. That a child closed is therefore a hint, here; what became of it is asked by workflow id.
 */
export class TrialChildren {
  /** Trials whose workflow may be gone. */
  readonly hints = new Set<number>();
  private readonly starting = new Set<number>();

  constructor(
    private readonly run: ExperimentRun,
    private readonly search: Search,
  ) {}

  start(trial: LiveTrial): void {
    this.starting.add(trial.trial);
    void this.startChild(trial).finally(() => {
      this.starting.delete(trial.trial);
      this.run.news += 1;
    });
  }

  /** No start is under way. */
  async allStarted(): Promise<void> {
    if (this.starting.size > 0) await condition(() => this.starting.size === 0);
  }

  /** Whether the trial's workflow may not be there yet. */
  isStarting(trial: number): boolean {
    return this.starting.has(trial);
  }

  /** Signals a trial. One that is not there any more is looked for. */
  async tell(trial: number, control: TrialControl): Promise<void> {
    try {
      await getExternalWorkflowHandle(trialId(this.run.id, trial)).signal(trialControlSignal, control);
    } catch {
      this.hint(trial);
    }
  }

  /** Cancels a trial natively: it checkpoints, reports, and closes as cancelled. */
  async cancel(trial: number): Promise<void> {
    try {
      await getExternalWorkflowHandle(trialId(this.run.id, trial)).cancel();
    } catch {
      this.hint(trial);
    }
  }

  forget(trial: number): void {
    this.hints.delete(trial);
  }

  private hint(trial: number): void {
    if (this.search.find(trial) === undefined) return;
    this.hints.add(trial);
    this.run.news += 1;
  }

  private async startChild(trial: LiveTrial): Promise<void> {
    try {
      const child = await startChild(WorkflowTypes.trial, {
        workflowId: trialId(this.run.id, trial.trial),
        args: [this.input(trial)],
        parentClosePolicy: "ABANDON",
        cancellationType: "ABANDON",
        // A trial of this id that still runs belongs to an abandoned branch: its experiment was reset or is over.
        workflowIdReusePolicy: "TERMINATE_IF_RUNNING",
        staticSummary: `Trial ${trial.trial} of ${this.run.name}`,
        typedSearchAttributes: [
          { key: attributes.experiment, value: this.run.id },
          { key: attributes.trial, value: trial.trial },
          { key: attributes.state, value: "running" },
        ],
      });
      const hint = () => this.hint(trial.trial);
      child.result().then(hint, hint);
    } catch (error) {
      this.run.receive({
        outcome: unfinishedOutcome(trial.trial, { state: "failed", error: describeFailure(error) }),
      });
    }
  }

  private input(trial: LiveTrial): TrialInput {
    const { train, lora, search } = this.search.setup;
    return {
      run: this.run.id,
      chain: this.run.chain,
      trial: trial.trial,
      replicateOf: trial.replicateOf,
      params: trial.params,
      modelBased: trial.modelBased,
      config: trialConfig({ train, lora }, trial.params, trial.seed),
      resolved: this.run.outputs.resolved,
      dataset: this.run.prepared.dataset.tokenised,
      totalSteps: trial.totalSteps,
      rungs: this.search.rungsOf(trial),
      rungMetric: search.metric,
      synchronous: search.deterministic,
    };
  }
}
