import { CancellationScope } from "@temporalio/workflow";
import type { SeatGrant, SeatRequest } from "../contracts/job-spec";
import { pool, seats } from "../proxies";
import { type CrashRecord, noCrashes } from "../reliability/crashes";

/**
 * One subject's hold on an engine. Jobs that follow each other may keep the seat between them. Remembers how often
 * an engine died under the subject, whichever engine it was.
 */
export class SeatSession {
  crashes: CrashRecord = noCrashes;
  private grant: SeatGrant | null = null;
  private exclusive = false;
  /** Epoch of the last dispatch on this seat. */
  epoch: number | null = null;

  constructor(private readonly request: Omit<SeatRequest, "exclusive">) {}

  get isExclusive(): boolean {
    return this.exclusive;
  }

  /** The seat held, or else a new one; waits as long as it takes. */
  async acquire(exclusive: boolean): Promise<SeatGrant> {
    if (this.grant !== null && (this.exclusive || !exclusive)) return this.grant;
    await this.release();
    this.grant = await pool["gpu.acquireSeat"]({ ...this.request, exclusive });
    this.exclusive = exclusive;
    return this.grant;
  }

  /** The engine is gone, or has freed the seat itself. */
  forget(): void {
    this.grant = null;
    this.exclusive = false;
    this.epoch = null;
  }

  /** Gives the seat back, also while being cancelled. A seat that cannot be given back went with its engine. */
  async release(): Promise<void> {
    const grant = this.grant;
    if (grant === null) return;
    this.forget();
    await CancellationScope.nonCancellable(async () => {
      await seats(grant.taskQueue)
        ["gpu.releaseSeat"]({ seatId: grant.seatId })
        .catch(() => undefined);
    });
  }
}
