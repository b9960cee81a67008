import { CancellationScope, sleep } from "@temporalio/workflow";
import type { KernelActivities } from "../../contracts/activities";
import { kernel } from "../../proxies";
import { workflowEvents } from "../../trace/buffer";
import type { Search } from "../search/search";
import type { ExperimentRun } from "./experiment-run";
import type { TrialChildren } from "./trial-children";

const defaultSeconds = 60;

type Standing = Awaited<ReturnType<KernelActivities["trials.reconcile"]>>;

/**
 * Ends trials whose workflow is gone: terminated, timed out, or lost in a way no one foresaw. Checks at once where a
 * child's end hints at it, and all open trials from time to time, since a hint does not survive a continue-as-new.
 */
export class Reconciler {
  private readonly timer = new CancellationScope({ cancellable: true });
  private isDue: boolean;
  private checking = false;

  constructor(
    private readonly run: ExperimentRun,
    private readonly search: Search,
    private readonly children: TrialChildren,
    inherited: boolean,
  ) {
    // What ended while the execution before this one was closing had no one to tell.
    this.isDue = inherited;
  }

  get isBusy(): boolean {
    return this.checking;
  }

  start(): void {
    const every = (this.run.options.reconcileSeconds ?? defaultSeconds) * 1000;
    void this.timer
      .run(async () => {
        for (;;) {
          await sleep(every, { summary: "until open trials are checked" });
          this.isDue = true;
          this.run.news += 1;
        }
      })
      .catch(() => undefined);
  }

  stop(): void {
    this.timer.cancel();
  }

  /** Starts a check if one is due. */
  soon(): void {
    if (this.checking) return;
    // One that is being started is not there yet; that does not mean that it is gone.
    const trials = this.search
      .open()
      .filter(({ state, trial }) => state !== "pending" && !this.children.isStarting(trial))
      .map(({ trial }) => trial)
      .filter((trial) => this.isDue || this.children.hints.has(trial));
    this.isDue = false;
    if (trials.length === 0) return;
    this.checking = true;
    for (const trial of trials) this.children.hints.delete(trial);
    void this.check(trials).finally(() => {
      this.checking = false;
      this.run.news += 1;
    });
  }

  private async check(trials: number[]): Promise<void> {
    const summary = trials.length === 1 ? `trial ${trials[0]}` : `${trials.length} open trials`;
    // A check that fails is made again when the next is due.
    const answer: Standing = await kernel["trials.reconcile"]
      .executeWithOptions({ summary }, [{ run: this.run.id, trials }])
      .catch(() => ({ gone: [] }));
    const { gone } = answer;
    // Of most of them their own word has come meanwhile.
    const ended = (answer.ended ?? []).filter(({ trial }) => this.search.find(trial) !== undefined);
    if (gone.length === 0 && ended.length === 0) return;
    const data = { gone, ended: ended.map(({ trial }) => trial) };
    this.run.trace.add({ kind: workflowEvents.reconciled, data });
    for (const outcome of ended) this.run.receive({ outcome });
    const error = {
      type: "Cancelled",
      message: "its workflow was closed from outside: terminated, or timed out",
    };
    const state = this.run.switch.cancelled ? "cancelled" : "failed";
    for (const trial of gone) {
      const live = this.search.find(trial);
      if (live === undefined) continue;
      const account = answer.accounts?.find((each) => each.trial === trial);
      this.run.receive({ outcome: { ...this.search.unfinished(live, { state, error }), ...account } });
    }
  }
}
