import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  Client,
  Connection,
  isGrpcServiceError,
  ServiceError,
  type WorkflowHandle,
} from "@temporalio/client";
import { temporal } from "@temporalio/proto";
import { execa } from "execa";
import pg from "pg";
import { inject } from "vitest";
import { type PartName, Stack, type StackInfo } from "../../../infra/dev";
import { repositoryRoot } from "../../../infra/setup/home.mjs";
import { readyTools } from "../../../infra/setup/toolchain";
import type { ExperimentInput, ExperimentOptions, ExperimentResult } from "../../../workflows/contracts";
import { TaskQueues, TrainingHeartbeat, WorkflowTypes } from "../../../workflows/contracts";
import { until } from "../../support/until";
import { childrenOf, commandOf, isGone } from "./processes";

const { PendingActivityState } = temporal.api.enums.v1;

/** gRPC's status when nobody listens. */
const UNAVAILABLE = 14;

const root = repositoryRoot(__dirname);

/** Long enough for a machine that does much else; a fault that is not survived is told after it. */
export const patience = 300_000;

/** A whole stack, and what a test needs to hurt it and to look at what it did. */
export class Rig {
  private constructor(
    private readonly stack: Stack,
    readonly info: StackInfo,
    readonly inputs: string,
    readonly client: Client,
    private readonly db: pg.Pool,
    private readonly cli: string,
  ) {}

  static async start(): Promise<Rig> {
    const folder = inject("resilienceFolder");
    const tools = readyTools(root);
    if (!tools) throw new Error("set-up is not complete: run npm test, which completes it");
    const stack = new Stack({
      stateDir: join(folder, "stack"),
      // Two trials train side by side, so that a lost engine loses more than one.
      workerEnv: { gpu: { BELAY_SLOTS: "2", BELAY_DEVICE: "cpu" } },
    });
    const info = await stack.up();
    const inputs = join(folder, "inputs");
    if (!existsSync(join(inputs, "base"))) {
      const script = join(root, "test", "resilience", "support", "tiny_inputs.py");
      await execa(tools.python, [script, inputs], { env: { PYTHONPATH: join(root, "gpu-worker") } });
    }
    const connection = Connection.lazy({ address: info.temporal.address });
    const client = new Client({ connection, namespace: info.temporal.namespace });
    const db = new pg.Pool({ connectionString: info.postgres.url, max: 2 });
    return new Rig(stack, info, inputs, client, db, tools.temporal as string);
  }

  async close(): Promise<void> {
    await this.db.end();
    await this.client.connection.close();
  }

  start(run: string, spec: ExperimentInput, options?: ExperimentOptions): Promise<WorkflowHandle> {
    return this.client.workflow.start(WorkflowTypes.experiment, {
      workflowId: run,
      taskQueue: TaskQueues.kernel,
      args: options ? [spec, { version: 1, options }] : [spec],
    });
  }

  /** The run's result. This client waits, as people do, where the server is on its way back. */
  result(run: string): Promise<ExperimentResult> {
    const ask = () => this.client.workflow.getHandle(run).result() as Promise<ExperimentResult>;
    const unlessAway = (error: unknown) => {
      // Some calls of the SDK wrap gRPC's error in one of their own.
      const status = error instanceof ServiceError ? error.cause : error;
      if (isGrpcServiceError(status) && status.code === UNAVAILABLE) return undefined;
      throw error;
    };
    return until(() => ask().catch(unlessAway), `${run} has ended`, patience);
  }

  /** What a person would do from a shell. */
  async temporal(...args: string[]): Promise<void> {
    const { address, namespace } = this.info.temporal;
    await execa(this.cli, [...args, "--address", address, "--namespace", namespace]);
  }

  async rows<Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.db.query<Row>(sql, values)).rows;
  }

  // -- processes

  pid(part: PartName): number {
    const pid = this.stack.pid(part);
    if (pid === undefined) throw new Error(`${part} does not run`);
    return pid;
  }

  /** The resident trainer below the GPU worker. */
  trainerPid(): Promise<number> {
    return until(
      () => childrenOf(this.pid("gpu")).find((pid) => commandOf(pid).includes("belay_gpu.trainer")),
      "the GPU worker has its trainer",
    );
  }

  /** SIGKILL to a part, and proof that it is gone. */
  async kill(part: PartName): Promise<number> {
    const pid = this.pid(part);
    await this.stack.kill(part);
    if (!isGone(pid)) throw new Error(`${part} survived its SIGKILL`);
    return pid;
  }

  /** SIGKILL to the trainer, and proof that it is gone. */
  async killTrainer(): Promise<number> {
    const pid = await this.trainerPid();
    process.kill(pid, "SIGKILL");
    await until(() => isGone(pid), `trainer ${pid} is gone`);
    return pid;
  }

  /** Starts a part again, where it was: clients know its address. */
  async restart(part: PartName): Promise<void> {
    const { temporal } = await this.stack.start(part);
    if (temporal.address !== this.info.temporal.address)
      throw new Error(`Temporal moved from ${this.info.temporal.address} to ${temporal.address}`);
  }

  // -- progress

  /** What the training activity of a trial last said by heartbeat; undefined when none is under way. */
  async heartbeat(run: string, trial: number): Promise<TrainingHeartbeat | undefined> {
    const training = await this.training(run, trial);
    const data = training?.heartbeatDetails?.payloads?.[0]?.data;
    return data ? TrainingHeartbeat.parse(JSON.parse(Buffer.from(data).toString())) : undefined;
  }

  /** Waits for a trial that trains, has a durable checkpoint, and has steps to go. */
  midTrial(run: string, trials: number): Promise<TrainingHeartbeat> {
    return until(
      async () => {
        const beats = await Promise.all(
          Array.from({ length: trials }, (_, trial) => this.heartbeat(run, trial)),
        );
        return beats.find((beat) => beat?.checkpoint && beat.step < beat.totalSteps);
      },
      `a trial of ${run} is in the middle of its training`,
      patience,
    );
  }

  /** Whether an engine has taken the activity that trains this trial. */
  async isTraining(run: string, trial: number): Promise<boolean> {
    return (await this.training(run, trial))?.state === PendingActivityState.PENDING_ACTIVITY_STATE_STARTED;
  }

  private async training(run: string, trial: number) {
    const description = await this.client.workflow
      .getHandle(`${run}/trial-${trial}`)
      .describe()
      .catch(() => undefined);
    return description?.raw.pendingActivities?.find(
      ({ activityType }) => activityType?.name === "training.run",
    );
  }
}
