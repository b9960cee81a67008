import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Context } from "@temporalio/activity";
import { type ApplicationFailure, CancelledFailure } from "@temporalio/common";
import type { TemporalServer } from "../../support/temporal";
import { until } from "../../support/until";

export type Fault = "crash" | "freeze" | "diverge" | "fail" | "storage" | "stop";

/** A verification's subject ends in letters that nobody knows before: tests call it `<run>/verify`. */
const knownAs = (subject: string): string => subject.replace(/\/verify-[0-9a-f]+$/, "/verify");

/** Where a trial is held: it trains no further than this step until released. */
interface Hold {
  step: number;
  reached: boolean;
  release: () => void;
  released: Promise<void>;
}

/** What a test lays down beforehand: where work is held, and what goes wrong. */
export class Script {
  private readonly holds = new Map<string, Hold>();
  private readonly faults: { subject: string; fault: Fault; step: number; times: number }[] = [];
  /** Faults that fired. */
  readonly fired: string[] = [];
  /** Set to let stages fail: activity name to failure. */
  readonly stageFailures = new Map<string, ApplicationFailure>();
  /** Why the outputs cannot be copied to export_dir, where a test says so. */
  exportProblem: { type: string; message: string } | null = null;
  /** The adapter hash that a retraining gives; default: the same as the first time. */
  adapterSalt = "";

  /** Holds the subject's training at a step, until released. */
  hold(subject: string, step: number): Hold {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const hold = { step, reached: false, release, released };
    this.holds.set(subject, hold);
    return hold;
  }

  /** Lets a fault happen when the subject's training passes a step, so many times. */
  plan(subject: string, fault: Fault, step: number, times = 1): void {
    this.faults.push({ subject, fault, step, times });
  }

  private nth = new Map<string, { left: number; failure: ApplicationFailure }>();
  private salts = new Map<string, string>();

  /** Lets the n-th call of an activity fail. */
  failNth(name: string, n: number, failure: ApplicationFailure): void {
    this.nth.set(name, { left: n, failure });
  }

  /** From the first call of this activity on, training the same gives other bits. */
  saltAfter(name: string, salt: string): void {
    this.salts.set(name, salt);
  }

  /** Holds a stage's activity until released or cancelled. */
  holdStage(name: string): Hold {
    return this.hold(name, 0);
  }

  /** The hold of a stage, if a test has asked for one; waits until it is released or cancelled. */
  async meetStageHold(name: string): Promise<void> {
    if (await this.meetHold(name, 0, () => Context.current().heartbeat()))
      throw new CancelledFailure("stopped");
  }

  /** Waits until someone is held. */
  reached(hold: Hold): Promise<unknown> {
    return until(() => hold.reached, "the hold is reached");
  }

  readonly until = until;

  /** What a person would type. */
  async cli(server: TemporalServer, ...args: string[]): Promise<void> {
    await promisify(execFile)(server.binary, [...args, "--address", server.address]);
  }

  releaseAll(): void {
    for (const hold of this.holds.values()) hold.release();
    this.holds.clear();
  }

  failIfPlanned(name: string): void {
    this.adapterSalt = this.salts.get(name) ?? this.adapterSalt;
    const planned = this.nth.get(name);
    if (planned !== undefined && --planned.left === 0) throw planned.failure;
    const failure = this.stageFailures.get(name);
    if (failure !== undefined) throw failure;
  }

  protected async meetHold(subject: string, step: number, beat: (step: number) => void): Promise<boolean> {
    const hold = this.holds.get(knownAs(subject));
    if (hold === undefined || hold.step !== step) return false;
    hold.reached = true;
    let released = false;
    void hold.released.then(() => {
      released = true;
    });
    const cancelled = Context.current().cancelled.catch(() => "cancelled" as const);
    while (!released) {
      beat(step);
      const pulse = new Promise<"pulse">((resolve) => setTimeout(() => resolve("pulse"), 50));
      if ((await Promise.race([hold.released, pulse, cancelled])) === "cancelled") return true;
    }
    return false;
  }

  /** The fault that is due at this step, which has fired then. */
  protected takeFault(subject: string, step: number): Fault | null {
    const plan = this.faults.find(
      (each) => each.subject === knownAs(subject) && each.step === step && each.times > 0,
    );
    if (plan === undefined) return null;
    plan.times -= 1;
    this.fired.push(`${plan.fault} ${knownAs(subject)} at ${step}`);
    return plan.fault;
  }
}
