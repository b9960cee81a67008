import { workflowInfo } from "@temporalio/workflow";
import { database } from "../proxies";
import { type NewEvent, TraceBuffer } from "./buffer";
import { traceSource } from "./source";

/** Longest list of events in one local activity; more go in the next. */
const batch = 200;

/** A workflow's own events: buffered, and stored by one local activity per wait. */
export class TraceRecorder {
  readonly source: string;
  private readonly buffer: TraceBuffer;
  private storing: Promise<void> | null = null;

  constructor(run: string, carried?: { source: string; seq: number }) {
    this.source = traceSource(workflowInfo(), carried?.source);
    this.buffer = new TraceBuffer(run, this.source, carried?.seq ?? 0);
  }

  get nextSeq(): number {
    return this.buffer.nextSeq;
  }

  /** Everything is stored. */
  get isEmpty(): boolean {
    return this.storing === null && this.buffer.size === 0;
  }

  add(event: NewEvent): void {
    this.buffer.add(Date.now(), event);
  }

  /** Stores what has gathered. Never throws: what cannot be stored now is tried again at the next wait. */
  flush(): Promise<void> {
    if (this.storing === null && this.buffer.size > 0) {
      this.storing = this.store().finally(() => {
        this.storing = null;
      });
    }
    return this.storing ?? Promise.resolve();
  }

  /** Stores everything, also what was added during an earlier flush. */
  async drain(): Promise<void> {
    await this.flush();
    await this.flush();
  }

  private async store(): Promise<void> {
    const events = this.buffer.drain();
    for (let from = 0; from < events.length; from += batch) {
      try {
        await database["trace.append"]({ events: events.slice(from, from + batch) });
      } catch {
        this.buffer.restore(events.slice(from));
        return;
      }
    }
  }
}
