import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  setCurrentDetails,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from "@temporalio/workflow";
import type { CheckpointRef } from "../../contracts/artifact";
import type { TrialRow } from "../../contracts/messages";
import type { RungReport, TrialAccount, TrialOutcome, TrialState, Verdict } from "../../contracts/trial";
import type { TrialInput } from "../../contracts/workflow-inputs";
import type { SeatSession } from "../../dispatch/seat-session";
import { Machine } from "../../lifecycle/machine";
import { StopSwitch } from "../../lifecycle/stop-switch";
import { trialTransitions } from "../../lifecycle/trial-states";
import { database } from "../../proxies";
import { longer } from "../../reliability/backoff";
import { type NewEvent, workflowEvents } from "../../trace/buffer";
import { TraceRecorder } from "../../trace/recorder";
import { attributes, rungReportSignal, trialOutcomeSignal } from "../definitions";

const defaultOrphanCheckSeconds = 300;

/** A report is repeated when its verdict is this long in coming: the answer may have been lost to a reset. */
const repeatReportSeconds = 600;

/** One trial while its workflow runs: its state, its line to the experiment, and what it has used. */
export class TrialRun {
  readonly id = workflowInfo().workflowId;
  readonly switch = new StopSwitch();
  readonly trace: TraceRecorder;
  readonly machine: Machine<TrialState>;
  step = 0;
  value: number | null = null;
  gpuSeconds = 0;
  trainableParams: number | null = null;
  /** The newest that was committed, also of a leg that was interrupted or lost its engine. */
  checkpoint: CheckpointRef | null = null;
  /** Hash of that checkpoint's adapter, where it is known. */
  adapterSha256: string | null = null;
  initSha256: string | null = null;
  private readonly verdicts = new Map<number, Verdict>();
  private readonly sideWork: Promise<unknown>[] = [];
  private rung: number | null = null;
  private orphaned = false;
  private readonly watch = new CancellationScope({ cancellable: true });

  constructor(
    readonly input: TrialInput,
    readonly session: SeatSession,
  ) {
    this.trace = new TraceRecorder(input.run);
    this.machine = new Machine("trial", trialTransitions, "pending", (from, to) => {
      this.trace.add({ kind: workflowEvents.trialState, subject: this.id, data: { from, to } });
      setCurrentDetails(`Trial ${input.trial}: **${to}**, step ${this.step} of ${input.totalSteps}`);
    });
  }

  /** The experiment is gone: nobody waits for this trial. */
  get isOrphan(): boolean {
    return this.orphaned;
  }

  pause(): void {
    this.switch.pause();
    // Only training is interrupted: evaluation and storing are short, and a waiting trial holds no seat.
    if (this.machine.state === "running") this.switch.interrupt();
  }

  /** Takes an event of the dispatcher in. One that starts a long wait is stored before it. */
  note(event: NewEvent): void {
    this.trace.add(event);
    if (event.kind === workflowEvents.dispatched && this.machine.state === "running") void this.trace.flush();
  }

  /** A leg has left a checkpoint. Of one that did not come to its end, no more than that is known. */
  left(checkpoint: CheckpointRef): void {
    // One that did not get any further leaves the checkpoint that it began with.
    if (checkpoint.manifest.sha256 !== this.checkpoint?.manifest.sha256) this.adapterSha256 = null;
    this.checkpoint = checkpoint;
    this.step = checkpoint.step;
  }

  /** GPU-seconds of an attempt, also of one that failed. */
  use(gpuSeconds: number): void {
    this.gpuSeconds += gpuSeconds;
  }

  /** Work beside the trial: awaited at the end, and no fault of the trial if it fails. */
  beside(work: Promise<unknown>): void {
    this.sideWork.push(work.catch(() => undefined));
  }

  decide(rung: number, verdict: Verdict): void {
    this.verdicts.set(rung, verdict);
  }

  /** Tells the experiment a rung's value and waits for the verdict. */
  async askVerdict(report: RungReport): Promise<Verdict> {
    this.rung = report.rung;
    this.value = report.value;
    for (let wait = repeatReportSeconds * 1000; ; wait = longer(wait)) {
      if (!this.verdicts.has(report.rung)) await this.tellExperiment("report", report);
      const decided = () => this.verdicts.has(report.rung) || this.switch.cancelled;
      if (!decided()) await condition(decided, wait);
      this.switch.throwIfCancelled();
      const verdict = this.verdicts.get(report.rung);
      if (verdict !== undefined) return verdict;
    }
  }

  /** Signals the experiment, whichever execution of its chain is current. Without one this trial is an orphan. */
  private async tellExperiment(kind: "report", message: RungReport): Promise<void>;
  private async tellExperiment(kind: "outcome", message: TrialOutcome): Promise<void>;
  private async tellExperiment(
    kind: "report" | "outcome",
    message: RungReport | TrialOutcome,
  ): Promise<void> {
    const experiment = getExternalWorkflowHandle(this.input.run);
    const stamped = { ...message, chain: this.input.chain };
    while (!this.orphaned) {
      try {
        if (kind === "report") await experiment.signal(rungReportSignal, stamped as RungReport);
        else await experiment.signal(trialOutcomeSignal, stamped as TrialOutcome);
        return;
      } catch {
        // Between the two executions of a reset the experiment is away for a moment.
        await this.lookForExperiment();
        if (!this.orphaned) await sleep("1s", { summary: "before the experiment is told again" });
      }
    }
  }

  /** A look that fails says nothing: the next one will. */
  private async lookForExperiment(): Promise<void> {
    const { run, chain } = this.input;
    const { open } = await database["run.isOpen"]({ run, chain }).catch(() => ({ open: true }));
    if (!open) this.becomeOrphan();
  }

  private becomeOrphan(): void {
    this.orphaned = true;
    this.switch.cancel();
  }

  /** What became of the trial is on record: nobody is told, and whoever waits for it finds it there. */
  leaveItsRecord(): void {
    this.orphaned = true;
  }

  /**
   * Asks whether the experiment is still open, since a terminated one tells nobody. Less and less often: an orphan works
   * on for about as long again as it has run, and for no longer than the longest wait.
   */
  watchExperiment(): void {
    const first = (this.input.orphanCheckSeconds ?? defaultOrphanCheckSeconds) * 1000;
    void this.watch
      .run(async () => {
        for (let wait = first; !this.orphaned; wait = longer(wait)) {
          await sleep(wait, { summary: "until the experiment is looked for" });
          await this.lookForExperiment();
        }
      })
      .catch(() => undefined);
  }

  /** The end: state, trace, and the experiment told; a trial without one closes its own row. */
  async close(outcome: TrialOutcome): Promise<void> {
    this.watch.cancel();
    this.machine.to(outcome.state);
    upsertSearchAttributes([
      { key: attributes.state, value: outcome.state },
      ...(outcome.value === null ? [] : [{ key: attributes.objective, value: outcome.value }]),
    ]);
    const stored = this.trace.drain();
    if (!this.orphaned) await this.tellExperiment("outcome", outcome);
    if (this.orphaned) {
      const { run, chain } = this.input;
      await database["trials.recordOutcome"]({ run, chain, ordinal: null, outcome });
    }
    await Promise.all([stored, ...this.sideWork]);
  }

  /** Runs what a pause or a cancel may interrupt. `interrupted`: it was, and brought nothing. */
  async interruptible<T>(work: () => Promise<T>): Promise<T | "interrupted"> {
    try {
      return await this.switch.interruptible(work);
    } catch (error) {
      if (!isCancellation(error)) throw error;
      this.switch.throwIfCancelled();
      return "interrupted";
    }
  }

  /** What it has used and left behind. */
  account(): TrialAccount {
    return {
      trial: this.input.trial,
      step: this.step,
      gpuSeconds: this.gpuSeconds,
      trainableParams: this.trainableParams,
      checkpoint: this.checkpoint,
      adapterSha256: this.adapterSha256,
      initSha256: this.initSha256,
    };
  }

  row(): TrialRow {
    const { trial, params, modelBased = false, totalSteps } = this.input;
    return {
      trial,
      workflowId: this.id,
      state: this.machine.state,
      params,
      modelBased,
      rung: this.rung,
      step: this.step,
      totalSteps,
      value: this.value,
    };
  }
}
