import {
  condition,
  isCancellation,
  makeContinueAsNewFunc,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from "@temporalio/workflow";
import type { OpenTrial } from "../../contracts/activities";
import type { AskOutput } from "../../contracts/skills";
import type { RungReport, TrialOutcome } from "../../contracts/trial";
import { trialId } from "../../contracts/trial-id";
import type { ExperimentContinuation } from "../../contracts/workflow-inputs";
import { database, skills } from "../../proxies";
import { describeFailure } from "../../reliability/failures";
import { workflowEvents } from "../../trace/buffer";
import { attributes } from "../definitions";
import type { Decision } from "../search/judge";
import type { AskRequest } from "../search/rows";
import type { Search } from "../search/search";
import type { Carried } from "./carried";
import type { ExperimentRun } from "./experiment-run";
import { Mirror } from "./mirror";
import { Reconciler } from "./reconciler";
import { TrialChildren } from "./trial-children";

/** How long trials may take to stop before their rows are closed without them. */
const stopWithin = "10 minutes";

/**
 * Drives a search to its end: one loop that takes what happened, records it, and does what follows. Only the loop
 * changes the search; everything that runs beside it reports back and raises `news`.
 */
export class SearchDriver {
  private readonly children: TrialChildren;
  private readonly mirror: Mirror;
  private readonly reconciler: Reconciler;
  private asking = false;
  private answer: { ask: AskRequest; output: AskOutput } | null = null;
  private failure: unknown = null;
  private pauseTold: boolean;
  private stopTold = false;
  private stopOverdue = false;

  constructor(
    private readonly run: ExperimentRun,
    private readonly search: Search,
    private readonly continuation: ExperimentContinuation,
    carried: Carried | null,
  ) {
    this.children = new TrialChildren(run, search);
    this.mirror = new Mirror(run, search);
    this.reconciler = new Reconciler(run, search, this.children, carried !== null);
    // What the trials were told by the execution before, whatever has been asked for since.
    this.pauseTold = carried?.paused ?? false;
  }

  /** Ends when the search has; leaves by a throw when it fails, is cancelled, or continues as new. */
  async drive(): Promise<void> {
    this.reconciler.start();
    try {
      for (;;) {
        const seen = this.run.news;
        await this.takeInbox();
        await this.takeAnswer();
        if (this.isStopping) await this.stopTrials();
        else await this.advance();
        if (!this.shouldContinueAsNew()) this.reconciler.soon();
        this.run.publish();
        if (this.isFinished() && !(await this.beginReplicates())) break;
        if (this.shouldContinueAsNew() && (await this.isQuiet())) await this.continueAsNew();
        void this.run.trace.flush();
        if (this.run.news === seen) await condition(() => this.run.news !== seen);
      }
    } finally {
      this.reconciler.stop();
    }
    if (this.failure !== null) throw this.failure;
    this.run.switch.throwIfCancelled();
    await this.mirror.finish();
  }

  private get isStopping(): boolean {
    return this.run.switch.cancelled || this.failure !== null;
  }

  private async advance(): Promise<void> {
    await this.tellPause();
    await this.tellVerdicts();
    if (this.run.switch.paused) return;
    // What is not begun now, the continued workflow begins.
    if (this.shouldContinueAsNew()) return;
    this.askSoon();
    this.startTrials();
    this.mirror.soon(this.isDraining());
  }

  /** Nothing is left to propose or to start: what remains is to wait for open trials. */
  private isDraining(): boolean {
    return !this.asking && this.answer === null && this.search.isExhausted;
  }

  private isFinished(): boolean {
    return this.search.open().length === 0 && !this.asking && (this.isStopping || this.isDraining());
  }

  // -- what happened

  private async takeInbox(): Promise<void> {
    const messages = this.run.inbox.splice(0);
    const writes = messages.flatMap((message) =>
      "report" in message ? this.takeReport(message.report) : this.takeOutcome(message.outcome),
    );
    await Promise.all(writes);
  }

  private isOurs(message: { chain?: string | undefined }): boolean {
    return message.chain === undefined || message.chain === this.run.chain;
  }

  private takeReport(report: RungReport): Promise<void>[] {
    if (!this.isOurs(report)) return [];
    const { trial, rung, step, value } = report;
    const live = this.search.find(trial);
    if (live === undefined) {
      // Its row is closed, so its work is in vain.
      return [this.children.cancel(trial)];
    }
    // A report that is repeated has been told of.
    if (rung === live.reports) this.trace(workflowEvents.rung, trial, { rung, step, value });
    return this.search.report(report).map((decision) => this.recordDecision(decision));
  }

  private takeOutcome(outcome: TrialOutcome): Promise<void>[] {
    if (!this.isOurs(outcome)) return [];
    const end = this.search.finish(outcome);
    if (end === null) return [];
    this.children.forget(outcome.trial);
    const { ordinal } = end;
    const { state, value, step, trial } = outcome;
    this.trace(workflowEvents.outcome, trial, { state, value, step, ordinal });
    if (end.improved && value !== null) {
      upsertSearchAttributes([{ key: attributes.objective, value }]);
      this.run.saveSoon();
    }
    return [
      database["trials.recordOutcome"]({ run: this.run.id, ordinal, outcome }),
      ...end.decisions.map((decision) => this.recordDecision(decision)),
    ];
  }

  private recordDecision({ ordinal, report, verdict, seen }: Decision): Promise<void> {
    const { rung, step, trial } = report;
    this.trace(workflowEvents.verdict, trial, { rung, step, verdict, ordinal, seen });
    return database["trials.recordRung"]({ run: this.run.id, ordinal, report, verdict, seen });
  }

  private async takeAnswer(): Promise<void> {
    if (this.answer === null) return;
    const { ask, output } = this.answer;
    this.answer = null;
    await this.open(this.search.propose(ask, output.proposals, output.exhausted));
    const data = {
      trials: output.proposals.map((p) => p.trial),
      tellCount: ask.tellCount,
      pending: ask.pending,
    };
    this.run.trace.add({ kind: workflowEvents.asked, data });
  }

  // -- what follows

  private askSoon(): void {
    if (this.asking || this.answer !== null) return;
    const ask = this.search.nextAsk(this.run.maxConcurrentTrials);
    if (ask === null) return;
    this.asking = true;
    void this.ask(ask).finally(() => {
      this.asking = false;
      this.run.news += 1;
    });
  }

  private async ask(ask: AskRequest): Promise<void> {
    const { search } = this.search.setup;
    const { space } = this.run.prepared.plan;
    const summary = `trials ${ask.trials[0]} to ${ask.trials.at(-1)}, after ${ask.tellCount} tells`;
    try {
      const output = await this.run.switch.interruptible(() =>
        skills["hpo.ask"].executeWithOptions({ summary }, [{ run: this.run.id, search, space, ...ask }]),
      );
      this.answer = { ask, output };
    } catch (error) {
      if (!isCancellation(error)) this.failure ??= error;
    }
  }

  private async open(trials: OpenTrial[]): Promise<void> {
    if (trials.length > 0) await database["trials.open"]({ run: this.run.id, trials });
  }

  private startTrials(): void {
    for (const trial of this.search.startable(this.run.maxConcurrentTrials)) this.children.start(trial);
  }

  private async tellVerdicts(): Promise<void> {
    const messages = this.search.verdictsToSend(this.run.maxConcurrentTrials);
    await Promise.all(
      messages.map(({ trial, rung, verdict }) => this.children.tell(trial, { verdict: { rung, verdict } })),
    );
  }

  private async tellPause(): Promise<void> {
    const { paused } = this.run.switch;
    if (paused === this.pauseTold) return;
    this.pauseTold = paused;
    await this.forStarted((trial) => this.children.tell(trial, { action: paused ? "pause" : "resume" }));
  }

  private async forStarted(act: (trial: number) => Promise<void>): Promise<void> {
    await this.children.allStarted();
    const started = this.search.open().filter((trial) => trial.state !== "pending");
    await Promise.all(started.map(({ trial }) => act(trial)));
  }

  /** Reruns the finalists once the search proper is over. True if there is anything to rerun. */
  private async beginReplicates(): Promise<boolean> {
    if (this.isStopping) return false;
    const rows = this.search.replicate();
    await this.open(rows);
    this.run.news += 1;
    return rows.length > 0;
  }

  // -- stopping

  /** Tells every trial to stop, closes those that never started, and in time also those that do not answer. */
  private async stopTrials(): Promise<void> {
    const reason = this.run.switch.cancelled
      ? { state: "cancelled" as const, error: null }
      : { state: "cancelled" as const, error: describeFailure(this.failure) };
    if (!this.stopTold) {
      this.stopTold = true;
      await this.forStarted((trial) => this.children.cancel(trial));
      void sleep(stopWithin, { summary: "for trials to stop" }).then(
        () => {
          this.stopOverdue = true;
          this.run.news += 1;
        },
        () => undefined,
      );
    }
    const closing = this.search.open().filter((trial) => trial.state === "pending" || this.stopOverdue);
    const writes = closing.flatMap((trial) => this.takeOutcome(this.search.unfinished(trial, reason)));
    await Promise.all(writes);
  }

  // -- continuing as new

  private shouldContinueAsNew(): boolean {
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    const limit = this.run.options.maxHistoryLength;
    return !this.isStopping && (continueAsNewSuggested || (limit !== undefined && historyLength >= limit));
  }

  /** Nothing of this execution is under way any more, and nothing has arrived that was not taken, told and stored. */
  private async isQuiet(): Promise<boolean> {
    await this.children.allStarted();
    if (this.asking || this.mirror.isBusy || this.reconciler.isBusy) return false;
    await this.run.settle();
    const { inbox, isSettled, switch: asked } = this.run;
    const isTaken = inbox.length === 0 && this.answer === null && !this.asking;
    return isTaken && isSettled && this.pauseTold === asked.paused && !asked.cancelled;
  }

  /** Nothing is awaited from here on: a message that came meanwhile would be lost. */
  private continueAsNew(): Promise<never> {
    const { run } = this;
    const carried: Carried = {
      schema: 1,
      startedAt: run.startedAt,
      trace: { source: run.trace.source, seq: run.trace.nextSeq },
      state: run.machine.state,
      paused: run.switch.paused,
      maxConcurrentTrials: run.maxConcurrentTrials,
      resolved: run.outputs.resolved,
      ...run.prepared,
      search: this.search.carry(),
    };
    const next: ExperimentContinuation = { ...this.continuation, version: 1, options: run.options, carried };
    return makeContinueAsNewFunc()(run.raw, next);
  }

  private trace(kind: string, trial: number, data: Record<string, unknown>): void {
    this.run.trace.add({ kind, subject: trialId(this.run.id, trial), data });
  }
}
