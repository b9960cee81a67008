import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Context } from "@temporalio/activity";
import { ApplicationFailure, CancelledFailure } from "@temporalio/common";
import type { Worker } from "@temporalio/worker";
import type {
  CheckpointRef,
  EngineActivities,
  PoolActivities,
  SeatGrant,
  TrainingInput,
} from "../../../workflows/contracts";
import type { TemporalServer } from "../../support/temporal";
import { until } from "../../support/until";
import { analyticLoss } from "./analytic-loss";
import { artifact } from "./artifacts";
import type { Records } from "./records";

interface Engine {
  id: string;
  worker: Worker;
  seats: Map<string, { subject: string; exclusive: boolean }>;
  state: "alive" | "frozen" | "gone";
}

type Fault = "crash" | "freeze" | "diverge" | "fail" | "storage" | "stop";

/** Segments that a training's answer names at most, however many it has shipped. */
const segmentsNamed = 3;

/** A verification's subject ends in letters that nobody knows before: tests call it `<run>/verify`. */
const knownAs = (subject: string): string => subject.replace(/\/verify-[0-9a-f]+$/, "/verify");

/** Where a trial is held: it trains no further than this step until released. */
interface Hold {
  step: number;
  reached: boolean;
  release: () => void;
  released: Promise<void>;
}

/** The engines of the laboratory, with everything that a test may do to them. */
export class Bench {
  private engines: Engine[] = [];
  private holds = new Map<string, Hold>();
  private faults: { subject: string; fault: Fault; step: number; times: number }[] = [];
  private replace: () => Promise<void> = async () => undefined;
  /** Trainings under way, by subject. */
  readonly training = new Map<string, number>();
  /** Dispatches of training.run, by subject: the step each started from. */
  readonly started: {
    subject: string;
    epoch: number;
    fromStep: number;
    engine: string;
    exclusive: boolean;
  }[] = [];
  /** Most trainings at once so far. */
  mostAtOnce = 0;
  private overlapping = 0;
  /** Faults that fired. */
  readonly fired: string[] = [];
  /** Set to let stages fail: activity name to failure. */
  readonly stageFailures = new Map<string, ApplicationFailure>();
  /** Why the outputs cannot be copied to export_dir, where a test says so. */
  exportProblem: { type: string; message: string } | null = null;
  /** The adapter hash that a retraining gives; default: the same as the first time. */
  adapterSalt = "";
  private seatNumber = 0;

  constructor(
    private readonly records: Records,
    private readonly seatsPerEngine: number,
  ) {}

  install(id: string, worker: Worker): void {
    this.engines.push({ id, worker, seats: new Map(), state: "alive" });
  }

  onReplace(replace: () => Promise<void>): void {
    this.replace = replace;
  }

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

  private thaw: () => void = () => undefined;
  private readonly thawed = new Promise<void>((resolve) => {
    this.thaw = resolve;
  });

  /** At the end, so that the workers can stop. */
  close(): void {
    this.releaseAll();
    this.thaw();
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

  get seatsTaken(): number {
    return this.engines.reduce(
      (taken, engine) => taken + (engine.state === "alive" ? engine.seats.size : 0),
      0,
    );
  }

  poolActivities(): PoolActivities {
    return {
      "gpu.acquireSeat": async ({ subject, exclusive }): Promise<SeatGrant> => {
        for (;;) {
          const engine = this.engines.find((each) => this.hasRoom(each, exclusive));
          if (engine !== undefined) {
            const seatId = `${subject}#${this.seatNumber++}`;
            engine.seats.set(seatId, { subject, exclusive });
            return { engineId: engine.id, taskQueue: `belay-gpu-${engine.id}`, seatId, device: "cpu" };
          }
          Context.current().heartbeat();
          await Promise.race([
            new Promise((resolve) => setTimeout(resolve, 20)),
            Context.current().cancelled,
          ]);
        }
      },
    };
  }

  private hasRoom(engine: Engine, exclusive: boolean): boolean {
    if (engine.state !== "alive") return false;
    const taken = [...engine.seats.values()];
    if (taken.some((seat) => seat.exclusive)) return false;
    return exclusive ? taken.length === 0 : taken.length < this.seatsPerEngine;
  }

  engineActivities(id: string): EngineActivities {
    const release = (job: { seat: SeatGrant | null; releaseSeat: boolean }) => {
      if (job.releaseSeat && job.seat !== null) this.engine(id)?.seats.delete(job.seat.seatId);
    };
    return {
      "training.run": async (input) => {
        this.failIfPlanned("training.run");
        try {
          return await this.train(id, input);
        } finally {
          release(input.job);
        }
      },
      "eval.run": async (input) => {
        this.failIfPlanned("eval.run");
        const rate = this.rateOf(input.checkpoint);
        const loss = input.checkpoint === null ? 4 : analyticLoss(rate, input.checkpoint.step);
        release(input.job);
        return {
          metrics: Object.fromEntries(input.metrics.map((metric) => [metric, loss])),
          metricsJson: artifact(`${input.label}/metrics.json`),
          perExample: artifact(`${input.label}/examples.json`),
          samples: [],
          baselines: null,
          gpuSeconds: 1,
          examples: 10,
        };
      },
      "merge.run": async (input) => {
        this.failIfPlanned("merge.run");
        release(input.job);
        const files = [
          { path: "tokenizer_config.json", ref: artifact("tokenizer of the base") },
          { path: "model.safetensors", ref: artifact("merged") },
        ];
        return { files, maxLogitDifference: 0, tolerance: 1e-4, passed: true, rows: 4 };
      },
      "hub.push": async (input) => {
        this.failIfPlanned("hub.push");
        release(input.job);
        return { url: `https://hub.invalid/${input.repo}`, commit: "c0ffee" };
      },
      "gpu.releaseSeat": async ({ seatId }) => {
        this.engine(id)?.seats.delete(seatId);
      },
    };
  }

  private engine(id: string): Engine | undefined {
    return this.engines.find((engine) => engine.id === id);
  }

  private rateOf(checkpoint: CheckpointRef | null): number {
    return checkpoint === null ? 1 : Number(checkpoint.manifest.uri.split("/").at(-1));
  }

  private async train(id: string, input: TrainingInput) {
    const { job, targetStep, config } = input;
    const rate = config.train.learning_rate;
    const found = job.resumeFrom.find(({ step }) => step <= targetStep) ?? null;
    const from = found?.step ?? 0;
    const { subject } = job;
    if (this.training.has(subject) && this.engine(id)?.state === "alive") this.overlapping += 1;
    this.training.set(subject, from);
    this.mostAtOnce = Math.max(this.mostAtOnce, this.training.size);
    const exclusive = [...(this.engine(id)?.seats.values() ?? [])].some((seat) => seat.exclusive);
    this.started.push({ subject, epoch: job.epoch, fromStep: from, engine: id, exclusive });
    const save = input.save.save_steps;
    let durable = found;
    const checkpointAt = (step: number) => {
      durable = { manifest: artifact(`${subject}/${step}/${rate}`), step, epoch: job.epoch };
      this.records.checkpoints.set(subject, [durable, ...(this.records.checkpoints.get(subject) ?? [])]);
      return durable;
    };
    const beat = (step: number) =>
      Context.current().heartbeat({
        trial: input.trial,
        step,
        totalSteps: input.totalSteps,
        loss: 1,
        checkpoint: durable,
        gpuSeconds: (step - from) / 10,
      });
    try {
      for (let step = from; step <= targetStep; step++) {
        this.training.set(subject, step);
        if (step > from && step % save === 0) checkpointAt(step);
        if (step > from) this.ship(job.run, subject, step);
        const ended = await this.meetFault(id, subject, step, beat, durable);
        if (ended === "diverged") return this.output(input, ended, step, durable, from);
        if (ended === "stopped") return this.output(input, ended, step, checkpointAt(step), from);
        const cancelled = await this.meetHold(subject, step, beat);
        if (cancelled) return this.output(input, "stopped", step, checkpointAt(step), from);
      }
      return this.output(input, "reached", targetStep, checkpointAt(targetStep), from);
    } finally {
      this.training.delete(subject);
    }
  }

  /** One segment a step. Trials ship none: nobody reads their losses here. */
  private ship(run: string, subject: string, step: number): void {
    if (subject.includes("/trial-")) return;
    this.records.segments.push({ run, subject, step, ref: artifact(`${subject}/wal/${step}`) });
  }

  private output(
    input: TrainingInput,
    status: "reached" | "diverged" | "stopped",
    step: number,
    checkpoint: CheckpointRef | null,
    from: number,
  ) {
    const rate = input.config.train.learning_rate;
    const metrics: Record<string, number> =
      status === "reached" ? { eval_loss: analyticLoss(rate, step) } : {};
    return {
      status,
      step,
      metrics,
      checkpoint: status === "diverged" ? null : checkpoint,
      adapterSha256: artifact(`adapter ${rate} ${step} ${this.adapterSalt}`).sha256,
      initSha256: artifact(`before ${input.job.subject}`).sha256,
      resumedFromStep: from,
      trainableParams: Number(input.config.lora.r) * 1000,
      gpuSeconds: (step - from) / 10,
      labelTokens: 0,
      walSegments: this.records.segments
        .filter((segment) => segment.subject === input.job.subject)
        .slice(-segmentsNamed)
        .map((segment) => segment.ref),
    };
  }

  private async meetHold(subject: string, step: number, beat: (step: number) => void): Promise<boolean> {
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

  private async meetFault(
    id: string,
    subject: string,
    step: number,
    beat: (step: number) => void,
    checkpoint: CheckpointRef | null,
  ): Promise<"diverged" | "stopped" | null> {
    const plan = this.faults.find(
      (each) => each.subject === knownAs(subject) && each.step === step && each.times > 0,
    );
    if (plan === undefined) return null;
    plan.times -= 1;
    this.fired.push(`${plan.fault} ${knownAs(subject)} at ${step}`);
    const engine = this.engine(id) as Engine;
    switch (plan.fault) {
      case "diverge":
        return "diverged";
      case "stop":
        // The engine is shutting down: it leaves a checkpoint and takes no more work.
        return "stopped";
      case "fail":
        throw ApplicationFailure.create({
          type: "ModelUnavailable",
          message: "cannot be trained",
          nonRetryable: true,
        });
      case "storage":
        throw ApplicationFailure.create({
          type: "StorageUnavailable",
          message: "the object store did not answer",
          details: [{ gpuSeconds: 0.25 }],
        });
      case "crash":
        // The trainer dies, its worker lives and says so; all on board are lost.
        engine.seats.clear();
        throw ApplicationFailure.create({
          type: "EngineLost",
          message: "the trainer ended with signal 9",
          details: [{ resident: true, checkpoint, gpuSeconds: 0.5 }],
        });
      case "freeze":
        // The machine is gone: no word from it any more, and nobody polls its queue.
        beat(step);
        engine.state = "frozen";
        await this.replace();
        engine.seats.clear();
        await this.thawed;
        throw new CancelledFailure("too late");
    }
  }

  /** Jobs of one subject that ran at the same time; must stay 0. */
  get overlaps(): number {
    return this.overlapping;
  }
}
