import type { TraceEvent } from "../contracts/trace";

/** Kinds of the events that workflows write. */
export const workflowEvents = {
  runState: "run.state", // data: {from, to}
  runStage: "run.stage", // data: {stage}
  continued: "run.continued", // data: {live}
  asked: "trial.asked", // data: {trials, tellCount, pending}
  trialState: "trial.state", // data: {from, to}
  rung: "trial.rung", // data: {rung, step, value}
  verdict: "trial.verdict", // data: {rung, step, verdict, ordinal, seen}
  outcome: "trial.outcome", // data: {state, value, step, ordinal}
  reconciled: "trial.reconciled", // data: {gone, ended}
  placed: "job.placed", // data: {entrypoint, backend, reasons}
  dispatched: "job.dispatched", // data: {entrypoint, engine, exclusive}
  lost: "job.lost", // data: {entrypoint, engine, resident, crashes, message}
  retried: "job.retried", // data: {entrypoint, attempt, type, message}
} as const;

export type NewEvent = {
  kind: string;
  subject?: string | null;
  epoch?: number | null;
  data: Record<string, unknown>;
};

/** Events of one source that are not stored yet, numbered without a gap. Time is the caller's. */
export class TraceBuffer {
  private events: TraceEvent[] = [];

  constructor(
    private readonly run: string,
    private readonly source: string,
    private seq: number,
  ) {}

  /** The number that the next event will have; what a continued workflow goes on from. */
  get nextSeq(): number {
    return this.seq;
  }

  get size(): number {
    return this.events.length;
  }

  add(at: number, event: NewEvent): void {
    this.events.push({
      run: this.run,
      source: this.source,
      seq: this.seq++,
      at: new Date(at).toISOString(),
      subject: event.subject ?? null,
      epoch: event.epoch ?? null,
      kind: event.kind,
      data: event.data,
    });
  }

  /** Takes the events out, to be stored. */
  drain(): TraceEvent[] {
    const events = this.events;
    this.events = [];
    return events;
  }

  /** Puts events back whose storing failed; they keep their numbers. */
  restore(events: TraceEvent[]): void {
    this.events = [...events, ...this.events];
  }
}
