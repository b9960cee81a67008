import { CancellationScope, CancelledFailure, condition } from "@temporalio/workflow";

/**
 * Pause and cancel of one workflow, whoever asks: an update, a signal, or Temporal's own cancellation. The work runs
 * in a scope that native cancellation does not reach; what may be interrupted runs in `interruptible`.
 */
export class StopSwitch {
  paused = false;
  cancelled = false;
  /** Cancelled by Temporal, so that the workflow may close as cancelled. */
  native = false;
  private readonly scopes = new Set<CancellationScope>();

  /** To be called from the root scope: from here on, native cancellation is the same as `cancel`. */
  followNativeCancellation(onCancel: () => void): void {
    CancellationScope.current().cancelRequested.catch(() => {
      this.native = true;
      onCancel();
    });
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  cancel(): void {
    this.cancelled = true;
    this.interrupt();
  }

  /** A workflow closes as cancelled only if Temporal was asked to cancel it: `ask` does, where nobody has. */
  async becomeNative(ask: () => Promise<void>): Promise<void> {
    if (this.native) return;
    await ask();
    await condition(() => this.native);
  }

  /** Cancels what runs in `interruptible` now. */
  interrupt(): void {
    for (const scope of this.scopes) scope.cancel();
  }

  async interruptible<T>(work: () => Promise<T>): Promise<T> {
    this.throwIfCancelled();
    const scope = new CancellationScope({ cancellable: true });
    this.scopes.add(scope);
    try {
      return await scope.run(work);
    } finally {
      this.scopes.delete(scope);
    }
  }

  /** Waits while paused: looks again afterwards, since one task may bring a resume and the next pause. */
  async whenRunning(): Promise<void> {
    while (this.paused && !this.cancelled) await condition(() => !this.paused || this.cancelled);
    this.throwIfCancelled();
  }

  throwIfCancelled(): void {
    if (this.cancelled) throw new CancelledFailure("Cancelled on request");
  }
}
