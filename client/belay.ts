import { randomUUID } from "node:crypto";
import { WorkflowExecutionAlreadyStartedError } from "@temporalio/client";
import {
  type ExperimentInput,
  isRunId,
  type ReproducibilityVerdict,
  RUN_ID_RULE,
  type RunStatus,
  TaskQueues,
  type TrialRow,
  type VerifyLevel,
  WorkflowTypes,
} from "../workflows/contracts";
import { type Connected, type ConnectOptions, connect } from "./connection";
import { BelayError } from "./errors";
import { translateError } from "./grpc-errors";
import { type ListedRun, listRuns } from "./list";
import { Run } from "./run";
import { repetitionOf, runIdFor } from "./run-id";
import { fingerprint } from "./spec/fingerprint";
import { checkExperiment, type LoadedExperiment } from "./spec/load";
import { Verification } from "./verification";

export interface StartOptions {
  /** The run's id. @default the experiment's name and a hash of its settings and input files */
  id?: string;
  /** Start another run of an experiment that was run before, instead of attaching to that one. */
  new?: boolean;
  /** Whether an id is in use although Temporal has forgotten its run: retention deletes histories, not records. */
  isRecorded?: (run: string) => Promise<boolean>;
  /** Aborted: nothing is started any more. */
  signal?: AbortSignal;
  /** Where relative paths in the experiment start. @default the working directory */
  folder?: string;
}

export interface Started {
  run: Run;
  /** True when the run existed: it is followed, nothing was started. */
  attached: boolean;
}

/** Memo of a run's workflow: the hash of its settings and input files. */
const EXPERIMENT_HASH = "experimentHash";

/**
 * A typed client of a Belay deployment. It talks to Temporal only.
 *
 * @example
 * ```ts
 * const belay = await Belay.connect();
 * const { run } = await belay.start({ name: "demo", model: {…}, dataset: {…} });
 * console.log(await run.status());
 * console.log((await run.result()).best);
 * await belay.close();
 * ```
 */
export class Belay {
  private constructor(private readonly temporal: Connected) {}

  /** @throws BelayError `Unreachable` */
  static async connect(options: ConnectOptions = {}): Promise<Belay> {
    return new Belay(await connect(options));
  }

  get address(): string {
    return this.temporal.address;
  }

  get namespace(): string {
    return this.temporal.namespace;
  }

  close(): Promise<void> {
    return this.temporal.connection.close();
  }

  /**
   * Starts an experiment, or attaches to the run of the same one: same settings, same content of its input files.
   *
   * @throws InvalidExperimentError with everything that is wrong with the experiment; nothing was started then.
   * @throws BelayError `BadArgument` where `options.id` belongs to another experiment, or was started by other means.
   */
  async start(experiment: ExperimentInput | LoadedExperiment, options: StartOptions = {}): Promise<Started> {
    const loaded = isLoaded(experiment)
      ? experiment
      : checkExperiment(experiment, options.folder ?? process.cwd());
    const experimentHash = await fingerprint(loaded.spec, loaded.inputs);
    const id = options.id ?? runIdFor(loaded.spec.name, experimentHash);
    if (!isRunId(id))
      throw new BelayError("BadArgument", `${JSON.stringify(id)} is no run id: it has ${RUN_ID_RULE}`);
    for (let n = 1; ; n++) {
      const run = this.attach(n === 1 ? id : repetitionOf(id, n));
      if (await this.isForgotten(run.id, options)) {
        if (options.new) continue;
        throw new BelayError(
          "Closed",
          `${run.id} ran before, and Temporal has forgotten it since; its record is kept`,
        );
      }
      options.signal?.throwIfAborted();
      if (await this.startNamed(run.id, loaded, experimentHash)) return { run, attached: false };
      if (options.new) continue;
      if (options.id) await this.refuseOther(run.id, experimentHash);
      return { run, attached: true };
    }
  }

  private async isForgotten(id: string, { isRecorded }: StartOptions): Promise<boolean> {
    if (!(await isRecorded?.(id))) return false;
    try {
      await this.temporal.client.workflow.getHandle(id).describe();
      return false;
    } catch (error) {
      const translated = translateError(error, id, this.address);
      if (translated instanceof BelayError && translated.code === "NotFound") return true;
      throw translated;
    }
  }

  /** An id that a person chose may be taken by something else. */
  private async refuseOther(id: string, experimentHash: string): Promise<void> {
    const { memo } = await this.temporal.client.workflow
      .getHandle(id)
      .describe()
      .catch((error: unknown) => {
        throw translateError(error, id, this.address);
      });
    const known = memo?.[EXPERIMENT_HASH];
    if (known === experimentHash) return;
    const whose =
      known === undefined
        ? "was started by other means, so that nothing says whether it is this experiment"
        : "is a run of another experiment, or of this one before it was changed";
    throw new BelayError(
      "BadArgument",
      `${id} ${whose}; choose another id, or follow that run with: npx belay watch ${id}`,
    );
  }

  /** False when a workflow of this id exists, running or ended. A lost answer is asked for again by the SDK. */
  private async startNamed(id: string, { spec }: LoadedExperiment, experimentHash: string): Promise<boolean> {
    try {
      await this.temporal.client.workflow.start(WorkflowTypes.experiment, {
        workflowId: id,
        taskQueue: TaskQueues.kernel,
        args: [spec],
        // Not USE_EXISTING: its answer does not say whether the run is ours.
        workflowIdConflictPolicy: "FAIL",
        workflowIdReusePolicy: "REJECT_DUPLICATE",
        memo: { [EXPERIMENT_HASH]: experimentHash },
        staticSummary: `LoRA search ${spec.name}`,
      });
      return true;
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
      throw translateError(error, id, this.address);
    }
  }

  /** A handle on a run; whether it exists shows at the first call. */
  attach(run: string): Run {
    return new Run(run, this.temporal);
  }

  status(run: string): Promise<RunStatus> {
    return this.attach(run).status();
  }

  trials(run: string): Promise<TrialRow[]> {
    return this.attach(run).trials();
  }

  /** Runs that Temporal remembers, newest first. */
  list(limit = 100): Promise<ListedRun[]> {
    return listRuns(this.temporal, limit);
  }

  /**
   * Checks a finished run against its manifest again, by re-execution where the level asks for it.
   * Waits for the verdict.
   *
   * @throws VerificationError when there is none: the run has no manifest, or the check was stopped.
   */
  async verify(run: string, levels?: VerifyLevel[]): Promise<ReproducibilityVerdict> {
    return (await this.startVerification(run, levels)).verdict();
  }

  /** Starts the same check, to be followed or stopped. */
  async startVerification(run: string, levels?: VerifyLevel[]): Promise<Verification> {
    const check = new Run(`${run}/verify-${randomUUID().slice(0, 8)}`, this.temporal);
    try {
      await this.temporal.client.workflow.start(WorkflowTypes.verify, {
        workflowId: check.id,
        taskQueue: TaskQueues.kernel,
        args: [{ run, ...(levels ? { levels } : {}) }],
        staticSummary: `Verification of ${run}`,
      });
    } catch (error) {
      throw translateError(error, run, this.address);
    }
    return new Verification(run, check);
  }
}

const isLoaded = (experiment: ExperimentInput | LoadedExperiment): experiment is LoadedExperiment =>
  "spec" in experiment && "inputs" in experiment;
