import type { RunRecord } from "../../contracts/activities";
import { database, intake } from "../../proxies";

/** The run's row in Postgres: written soon after each change, and for the last time at the end. */
export class RunRow {
  private saving: Promise<void> | null = null;
  private unsaved = false;

  /**
   * @param record what is known of the run now.
   * @param isOpen whether the row exists.
   */
  constructor(
    private readonly record: () => RunRecord,
    public isOpen: boolean,
  ) {}

  /** Opens the row: awaited, and given up soon. */
  async open(): Promise<void> {
    await intake["run.record"](this.record());
    this.isOpen = true;
  }

  /** Writes the row soon; changes that come close together make one write. */
  saveSoon(): void {
    this.unsaved = true;
    if (this.saving !== null || !this.isOpen) return;
    this.saving = this.save().finally(() => {
      this.saving = null;
    });
  }

  private async save(): Promise<void> {
    while (this.unsaved) {
      this.unsaved = false;
      try {
        await database["run.record"](this.record());
      } catch {
        // The row is written again at the next change, and in any case at the end.
        return;
      }
    }
  }

  /** Writes the row for the last time. */
  async close(last: Pick<RunRecord, "error" | "result">): Promise<void> {
    this.unsaved = false;
    await this.saving;
    await database["run.record"]({ ...this.record(), ...last });
  }

  /** Waits for a write under way. */
  async settle(): Promise<void> {
    await this.saving;
  }

  /** No write is under way or due. */
  get isSettled(): boolean {
    return this.saving === null;
  }
}
