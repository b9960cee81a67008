import { setTimeout as delay } from "node:timers/promises";
import { WorkflowFailedError, type WorkflowHandle } from "@temporalio/client";
import { ApplicationFailure, CancelledFailure, TerminatedFailure, TimeoutFailure } from "@temporalio/common";
import { ExperimentResult, Messages, type RunStatus, type TrialRow } from "../workflows/contracts";
import type { Connected } from "./connection";
import { BelayError, RunFailedError } from "./errors";
import { isUnanswered, isUnavailable, translateError, unreachable } from "./grpc-errors";
import { type PendingWork, pendingWork } from "./pending-work";

/** How long a query or an update may take before the kernel worker counts as absent. */
const ANSWER_WITHIN_MS = 10_000;
const PROBE_WITHIN_MS = 2000;
const RETRY_EVERY_MS = 1000;

const WORKFLOW_TASK_SCHEDULED = 1; // PENDING_WORKFLOW_TASK_STATE_SCHEDULED

/** One run: an experiment's workflow, found by its id whatever Temporal calls the execution behind it. */
export class Run {
  private readonly handle: WorkflowHandle;

  constructor(
    readonly id: string,
    private readonly temporal: Connected,
    private readonly signal?: AbortSignal,
  ) {
    this.handle = temporal.client.workflow.getHandle(id);
  }

  /** The same run, whose questions are abandoned when the signal aborts. */
  until(signal: AbortSignal): Run {
    return new Run(this.id, this.temporal, signal);
  }

  /** @throws BelayError `Unreachable`, `NoWorker` or `NotFound`, as every method here. */
  status(): Promise<RunStatus> {
    return this.ask(() => this.handle.query<RunStatus>(Messages.status));
  }

  trials(): Promise<TrialRow[]> {
    return this.ask(() => this.handle.query<TrialRow[]>(Messages.trials));
  }

  /** Running trials checkpoint and give their seats back. */
  async pause(): Promise<void> {
    await this.ask(() => this.handle.executeUpdate(Messages.pause));
  }

  async resume(): Promise<void> {
    await this.ask(() => this.handle.executeUpdate(Messages.resume));
  }

  /** Stops the run for good. Works without a kernel worker too: Temporal keeps the request until one is back. */
  async cancel(): Promise<void> {
    await this.ask(async () => {
      const { status } = await this.handle.describe();
      if (status.name !== "RUNNING")
        throw new BelayError("Closed", `${this.id} has ended already (${status.name.toLowerCase()})`);
      await this.handle.cancel();
    });
  }

  /** How many trials may train at once from now on; running ones are not interrupted. */
  async setMaxConcurrentTrials(maxConcurrentTrials: number): Promise<void> {
    await this.ask(() =>
      this.handle.executeUpdate(Messages.setMaxConcurrentTrials, { args: [{ maxConcurrentTrials }] }),
    );
  }

  /** Whether the run has its next step to take and no kernel worker has taken it up yet. */
  awaitsKernelWorker(): Promise<boolean> {
    return this.ask(async () => {
      const { raw } = await this.handle.describe();
      return raw.pendingWorkflowTask?.state === WORKFLOW_TASK_SCHEDULED;
    });
  }

  /** When Temporal closed the run, in epoch milliseconds; null while it is open. */
  endedAt(): Promise<number | null> {
    return this.ask(async () => (await this.handle.describe()).closeTime?.getTime() ?? null);
  }

  /** What this workflow, or one of its trials, has under way in activities right now. */
  pendingWork(workflowId = this.id): Promise<PendingWork[]> {
    return this.ask(async () =>
      pendingWork(await this.temporal.client.workflow.getHandle(workflowId).describe(), this.temporal.client),
    );
  }

  /**
   * Waits for the run's end, across restarts of the Temporal service.
   *
   * @throws RunFailedError when it ended without a result.
   */
  result(): Promise<ExperimentResult> {
    return this.outcome<ExperimentResult>();
  }

  /** @internal the same for any workflow, whatever it answers with. */
  async outcome<T>(): Promise<T> {
    for (;;) {
      try {
        return await this.untilAborted(() => this.handle.result() as Promise<T>);
      } catch (error) {
        this.signal?.throwIfAborted();
        if (error instanceof WorkflowFailedError) throw failureOf(this.id, error);
        if (!isUnavailable(error)) throw translateError(error, this.id, this.temporal.address);
        await delay(RETRY_EVERY_MS, undefined, { signal: this.signal });
      }
    }
  }

  private async ask<T>(question: () => Promise<T>): Promise<T> {
    const { connection, address } = this.temporal;
    try {
      return await this.untilAborted(() => connection.withDeadline(Date.now() + ANSWER_WITHIN_MS, question));
    } catch (error) {
      this.signal?.throwIfAborted();
      if (error instanceof BelayError) throw error;
      // The SDK asks again while the service is away, so that its absence too ends in a missed deadline.
      if (isUnanswered(error) && !(await this.isServing())) throw unreachable(address, error);
      throw translateError(error, this.id, address);
    }
  }

  private async untilAborted<T>(call: () => Promise<T>): Promise<T> {
    // The SDK listens for an abort still to come.
    this.signal?.throwIfAborted();
    if (!this.signal) return call();
    // The SDK never takes its own listener off: with one signal for all of them, every call would be kept for good.
    const once = new AbortController();
    const abort = () => once.abort(this.signal?.reason);
    this.signal.addEventListener("abort", abort);
    try {
      return await this.temporal.connection.withAbortSignal(once.signal, call);
    } finally {
      this.signal.removeEventListener("abort", abort);
    }
  }

  private async isServing(): Promise<boolean> {
    const { connection } = this.temporal;
    try {
      await connection.withDeadline(Date.now() + PROBE_WITHIN_MS, () =>
        connection.workflowService.getSystemInfo({}),
      );
      return true;
    } catch {
      return false;
    }
  }
}

/** The innermost cause is the one that says what happened; the layers around it say where. */
function failureOf(run: string, failed: WorkflowFailedError): RunFailedError {
  let cause: unknown = failed.cause;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  const fail = (type: string, message: string, result: ExperimentResult | null = null) =>
    new RunFailedError(run, type, message, result, { cause: failed });
  if (cause instanceof ApplicationFailure) {
    const result = ExperimentResult.safeParse(cause.details?.[0]);
    return fail(cause.type ?? "Internal", cause.message, result.success ? result.data : null);
  }
  if (cause instanceof CancelledFailure) return fail("Cancelled", "the run was cancelled");
  if (cause instanceof TerminatedFailure) return fail("Terminated", cause.message);
  if (cause instanceof TimeoutFailure) return fail("TimedOut", cause.message);
  return fail("Internal", cause instanceof Error ? cause.message : failed.message);
}
