import type { ArtifactRef, CheckpointRef, NamedArtifact } from "./artifact";
import type { SeatGrant, SeatRelease, SeatRequest } from "./job-spec";
import type { PublishedArtifact, ReproducibilityVerdict, RunState } from "./messages";
import type { ResolvedSpec } from "./resolved";
import type * as Skill from "./skills";
import type { StageOutputs } from "./stages";
import type { TraceEvent } from "./trace";
import type { RungReport, TrialAccount, TrialOutcome, TrialParams, Verdict } from "./trial";

/** Activities of the kernel worker, queue `belay-kernel`. Every one is idempotent. */
export interface KernelActivities {
  "spec.resolve"(input: { run: string; spec: unknown }): Promise<ResolvedSpec>;

  // Short database work, called as local activities.
  "run.record"(input: RunRecord): Promise<void>;
  "trials.open"(input: { run: string; trials: OpenTrial[] }): Promise<void>;
  "trials.recordRung"(input: RungRecord): Promise<void>;
  /**
   * Closes a trial's row; an end state on record is never replaced. `ordinal` is the outcome's place among the tells,
   * dense from 0 over the trials of the search (also cancelled ones, which samplers ignore); null for a replicate, and
   * for a trial that closes its own row because its experiment is gone. `chain`: the start of the run that the trial is
   * of; nothing is recorded where the run was started anew since.
   */
  "trials.recordOutcome"(input: {
    run: string;
    ordinal: number | null;
    outcome: TrialOutcome;
    chain?: string | null;
  }): Promise<void>;
  /**
   * Increments the subject's epoch; answers with it and the checkpoints to resume from, newest first. `dispatch` names
   * the request, whose repetitions get the same epoch; without it, each call is a dispatch of its own. None beyond
   * `maxStep` is offered: what lies there, of a life before a reset, is void from then on. Refuses a trial whose end is
   * on record, and one of an earlier start of the run than its newest (`Cancelled`, not to be retried).
   */
  "dispatch.prepare"(input: {
    run: string;
    subject: string;
    chain?: string | null;
    dispatch?: string;
    maxStep?: number;
  }): Promise<{ epoch: number; resumeFrom: CheckpointRef[] }>;
  /** Moves the newest-checkpoint pointer, unless a newer epoch was dispatched; collects beyond `keep`. */
  "checkpoint.commit"(input: {
    run: string;
    subject: string;
    checkpoint: CheckpointRef;
    keep: number;
  }): Promise<{ accepted: boolean }>;
  "trace.append"(input: { events: TraceEvent[] }): Promise<void>;

  /**
   * Whether the workflow `run` is open and belongs to the execution chain that starts with run id `chain`. Read by a
   * trial now and then, so that it stops when its experiment was terminated. Asks Temporal, not Postgres.
   */
  "run.isOpen"(input: { run: string; chain: string }): Promise<{ open: boolean }>;

  /** Asks Temporal to cancel the workflow `run`, so that a cancel by update closes it as a native one does. */
  "run.cancel"(input: { run: string }): Promise<void>;

  // Regular activities.
  "trace.ingest"(input: { run: string; segments: ArtifactRef[] }): Promise<{ events: number }>;
  /**
   * Asks Temporal whether the workflows of these trials still run. `gone`: closed without an outcome on record; `ended`:
   * closed with this one, such as by a trial that found its experiment gone before that was reset. `accounts`: how far
   * those gone had come, where their workflows still tell.
   */
  "trials.reconcile"(input: {
    run: string;
    trials: number[];
  }): Promise<{ gone: number[]; ended?: TrialOutcome[]; accounts?: TrialAccount[] }>;
  /** Publishes a completed trial's adapter folder and metrics under the run, with rows. */
  "artifact.store"(input: StoreTrialInput): Promise<{ adapter: NamedArtifact[]; metrics: ArtifactRef }>;
  /**
   * Publishes the winner: adapter folder with model card under `runs/<run>/adapter/`, merged folder, export_dir copy.
   * `exportProblem`: why there is no such copy; what is in the store is whole all the same.
   */
  "artifact.publish"(input: { run: string; stages: StageOutputs }): Promise<{
    adapter: NamedArtifact[];
    exportProblem?: { type: string; message: string } | null;
  }>;
  "manifest.write"(input: { run: string; stages: StageOutputs }): Promise<ArtifactRef>;
  "manifest.load"(input: { run: string }): Promise<VerificationPlan>;
  /** L0: every artifact named by the manifest against its hash. */
  "reproducibility.hashes"(input: { run: string }): Promise<{ checked: number; failures: string[] }>;
  /** The recorded loss curve of a subject: train_loss by step. */
  "metrics.curve"(input: {
    subject: string;
    name: string;
    upToStep: number;
  }): Promise<{ step: number; value: number }[]>;
  "reproducibility.record"(input: { run: string; verdict: ReproducibilityVerdict }): Promise<void>;
  "report.render"(input: { run: string; stages: StageOutputs; manifest: ArtifactRef }): Promise<{
    html: PublishedArtifact;
    markdown: PublishedArtifact;
  }>;
}

export interface RunRecord {
  run: string;
  /** First run id of the execution chain, the same before and after a continue-as-new; a new start has another. */
  chain?: string;
  name: string;
  state: RunState;
  stage: string;
  /** Present once resolved. */
  specSha256?: string;
  inputsSha256?: string;
  spec?: unknown;
  best?: { trial: number; value: number } | null;
  error?: { type: string; message: string } | null;
  result?: unknown;
}

export interface OpenTrial {
  trial: number;
  workflowId: string;
  params: TrialParams;
  modelBased: boolean;
  /** How many tells the proposal had seen, and which trials were pending, so that it can be re-derived. */
  tellCount: number;
  pending: number[];
  seed: number;
  /** Set for a rerun of a finalist with a new seed. */
  replicateOf: number | null;
}

export interface RungRecord {
  run: string;
  /** Order in which the experiment took the report, over all rungs. */
  ordinal: number;
  report: RungReport;
  verdict: Verdict;
  /** How many rung reports the verdict had seen. */
  seen: number;
}

export interface StoreTrialInput {
  run: string;
  trial: number;
  subject: string;
  /** As a run's record has it: the start that the trial is of. */
  chain?: string;
  checkpoint: CheckpointRef;
  evaluation: Skill.EvalOutput;
}

/** Everything verification needs, read from the manifest alone. */
export interface VerificationPlan {
  run: string;
  winner: null | {
    trial: number;
    training: Omit<Skill.TrainingInput, "job">;
    evaluation: Omit<Skill.EvalInput, "job">;
    checkpoint: CheckpointRef;
    adapterSha256: string;
    metrics: Record<string, number>;
    lossCurve: { step: number; value: number }[];
  };
  /** Whether bit-for-bit repetition was promised (full_determinism and deterministic search). */
  bitwise: boolean;
  device: string;
  tolerances: { metric: number; loss: number };
  replaySteps: number;
}

/** Python, queue `belay-ml`. */
export interface MlActivities {
  "dataset.analyze"(input: Skill.DatasetAnalyzeInput): Promise<Skill.DatasetSummary>;
  "config.buildSearchSpace"(input: Skill.BuildSearchSpaceInput): Promise<Skill.SearchPlan>;
  "hpo.ask"(input: Skill.AskInput): Promise<Skill.AskOutput>;
  "hpo.tell"(input: Skill.TellInput): Promise<void>;
  "hpo.selectBest"(input: Skill.SelectBestInput): Promise<Skill.SelectBestOutput>;
  "eval.compare"(input: Skill.CompareInput): Promise<Skill.CompareOutput>;
}

/** Python, the pool queue `belay-gpu`: taken only by an engine that has a free seat. */
export interface PoolActivities {
  "gpu.acquireSeat"(input: SeatRequest): Promise<SeatGrant>;
}

/** Python, an engine's own queue. */
export interface EngineActivities {
  "training.run"(input: Skill.TrainingInput): Promise<Skill.TrainingOutput>;
  "eval.run"(input: Skill.EvalInput): Promise<Skill.EvalOutput>;
  "merge.run"(input: Skill.MergeInput): Promise<Skill.MergeOutput>;
  "hub.push"(input: Skill.HubPushInput): Promise<Skill.HubPushOutput>;
  "gpu.releaseSeat"(input: SeatRelease): Promise<void>;
}
