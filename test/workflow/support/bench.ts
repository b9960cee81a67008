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
import { analyticLoss } from "./analytic-loss";
import { artifact } from "./artifacts";
import type { Records } from "./records";
import { Script } from "./script";

interface Engine {
  id: string;
  worker: Worker;
  seats: Map<string, { subject: string; exclusive: boolean }>;
  state: "alive" | "frozen" | "gone";
}

/** Segments that a training's answer names at most, however many it has shipped. */
const segmentsNamed = 3;

/** The engines of the laboratory, which do as the test's script says. */
export class Bench extends Script {
  private engines: Engine[] = [];
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
  private seatNumber = 0;

  constructor(
    private readonly records: Records,
    private readonly seatsPerEngine: number,
  ) {
    super();
  }

  install(id: string, worker: Worker): void {
    this.engines.push({ id, worker, seats: new Map(), state: "alive" });
  }

  onReplace(replace: () => Promise<void>): void {
    this.replace = replace;
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
        return { files, maxLogitDifference: 0, tolerance: 1e-4, passed: true, rows: 4, recipe: null };
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

  private async meetFault(
    id: string,
    subject: string,
    step: number,
    beat: (step: number) => void,
    checkpoint: CheckpointRef | null,
  ): Promise<"diverged" | "stopped" | null> {
    const fault = this.takeFault(subject, step);
    const engine = this.engine(id) as Engine;
    switch (fault) {
      case null:
        return null;
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
