import type { ReproducibilityVerdict } from "../workflows/contracts";
import { RunFailedError, VerificationError } from "./errors";
import type { PendingWork } from "./pending-work";
import type { Run } from "./run";

/** A check of a finished run, under way in a workflow of its own. */
export class Verification {
  constructor(
    /** The run that is checked. */
    readonly run: string,
    private readonly check: Run,
  ) {}

  /** The same check, whose questions are abandoned when the signal aborts. */
  until(signal: AbortSignal): Verification {
    return new Verification(this.run, this.check.until(signal));
  }

  /**
   * Waits for the verdict.
   *
   * @throws VerificationError when there is none: the run has no manifest, or the check was stopped.
   */
  async verdict(): Promise<ReproducibilityVerdict> {
    try {
      return await this.check.outcome<ReproducibilityVerdict>();
    } catch (error) {
      if (!(error instanceof RunFailedError)) throw error;
      throw new VerificationError(this.run, error.type, error.message, { cause: error });
    }
  }

  /** What the check has under way in activities right now. */
  pendingWork(): Promise<PendingWork[]> {
    return this.check.pendingWork();
  }

  awaitsKernelWorker(): Promise<boolean> {
    return this.check.awaitsKernelWorker();
  }

  /** Stops the check; the run's verdict on record stays as it was. */
  cancel(): Promise<void> {
    return this.check.cancel();
  }
}
