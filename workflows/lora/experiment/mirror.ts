import { condition } from "@temporalio/workflow";
import { mirror } from "../../proxies";
import type { Search } from "../search/search";
import type { ExperimentRun } from "./experiment-run";

/** Trials told in one activity; fewer are worth one only when nothing else comes soon. */
const batch = 100;
const worthwhile = 16;

/** Feeds ended trials to the study that the Optuna dashboard shows. Never holds a search up, never fails it. */
export class Mirror {
  private busy = false;
  /** After a batch that failed: so many trials must wait before the next is tried. */
  private patience = 0;

  constructor(
    private readonly run: ExperimentRun,
    private readonly search: Search,
  ) {}

  get isBusy(): boolean {
    return this.busy;
  }

  /** Tells what is worth it. `draining`: no further trial will start, so there is nothing to save up for. */
  soon(draining: boolean): void {
    const waiting = this.search.facts.unmirrored.length;
    const waveEnded = this.search.setup.search.deterministic && this.search.facts.wave === null;
    if (this.busy || waiting === 0 || waiting < this.patience) return;
    if (waiting < worthwhile && !draining && !waveEnded) return;
    this.busy = true;
    void this.tell(this.search.takeUnmirrored(batch)).finally(() => {
      this.busy = false;
      this.run.news += 1;
    });
  }

  /** Tells the rest. Bounded by the activity's own timeouts: one batch that fails ends it. */
  async finish(): Promise<void> {
    await condition(() => !this.busy);
    while (this.search.facts.unmirrored.length > 0) {
      if (!(await this.tell(this.search.takeUnmirrored(batch)))) return;
    }
  }

  private async tell(trials: number[]): Promise<boolean> {
    const { search } = this.search.setup;
    const { space } = this.run.prepared.plan;
    const summary = `${trials.length} trials for the dashboard`;
    try {
      await mirror["hpo.tell"].executeWithOptions({ summary }, [
        { run: this.run.id, mode: search.mode, space, trials },
      ]);
      this.patience = 0;
      return true;
    } catch {
      this.search.returnUnmirrored(trials);
      this.patience = this.search.facts.unmirrored.length + worthwhile;
      return false;
    }
  }
}
