import { z } from "zod";
import { ArtifactRef } from "./artifact";
import { CompareOutput } from "./skills/evaluation";
import { Metrics, TrialEndState, TrialParams, TrialState } from "./trial";

/** Workflow types: what the UI, `temporal workflow start` and the client start. */
export const WorkflowTypes = {
  experiment: "experimentWorkflow",
  trial: "trialWorkflow",
  job: "jobWorkflow",
  verify: "verifyWorkflow",
} as const;

/** Names on the wire of every query, update and signal. */
export const Messages = {
  status: "status",
  trials: "trials",
  pause: "pause",
  resume: "resume",
  cancel: "cancel",
  setMaxConcurrentTrials: "setMaxConcurrentTrials",
  rungReport: "rungReport",
  trialOutcome: "trialOutcome",
  trialControl: "trialControl",
  trialAccount: "trialAccount",
} as const;

export const RunState = z
  .enum(["created", "running", "paused", "finalizing", "completed", "failed", "cancelled"])
  .meta({ id: "RunState" });
export type RunState = z.infer<typeof RunState>;

export const StageName = z.enum([
  "resolve",
  "dataset",
  "space",
  "search",
  "select",
  "test",
  "merge",
  "verify",
  "report",
]);
export type StageName = z.infer<typeof StageName>;

export const TrialCounts = z.object({
  pending: z.int(),
  running: z.int(),
  completed: z.int(),
  pruned: z.int(),
  diverged: z.int(),
  failed: z.int(),
  cancelled: z.int(),
});
export type TrialCounts = z.infer<typeof TrialCounts>;

/** Answer of the `trials` query: live trials in full, ended ones as the newest hundred. */
export const TrialRow = z.object({
  trial: z.int(),
  workflowId: z.string(),
  state: TrialState,
  params: TrialParams,
  modelBased: z.boolean(),
  rung: z.int().nullable(),
  step: z.int(),
  totalSteps: z.int(),
  value: z.number().nullable(),
});
export type TrialRow = z.infer<typeof TrialRow>;

/** Answer of the `status` query. Times are epoch milliseconds. */
export const RunStatus = z.object({
  run: z.string(),
  name: z.string(),
  state: RunState,
  stage: StageName,
  metric: z.string(),
  mode: z.enum(["min", "max"]),
  numTrials: z.int(),
  maxConcurrentTrials: z.int(),
  counts: TrialCounts,
  best: z.object({ trial: z.int(), value: z.number(), params: TrialParams }).nullable(),
  startedAt: z.number(),
  gpuSeconds: z.number(),
  warnings: z.array(z.string()),
});
export type RunStatus = z.infer<typeof RunStatus>;

export const TrialControl = z.object({
  verdict: z.object({ rung: z.int(), verdict: z.enum(["continue", "prune"]) }).optional(),
  action: z.enum(["pause", "resume"]).optional(),
});
export type TrialControl = z.infer<typeof TrialControl>;

/** Argument of the update `setMaxConcurrentTrials`. Every update answers with the run's status. */
export const SetMaxConcurrentTrials = z.object({ maxConcurrentTrials: z.int().positive().max(256) });
export type SetMaxConcurrentTrials = z.infer<typeof SetMaxConcurrentTrials>;

/** uri, sha256 and size of a published output. */
export const PublishedArtifact = ArtifactRef.pick({ uri: true, sha256: true, sizeBytes: true });
export type PublishedArtifact = z.infer<typeof PublishedArtifact>;

/**
 * How far a run was found to repeat, lowest first. L0: artifacts have their hashes; L1: metrics come out the same; L2:
 * so do the losses of the first steps; L3: so do the bits of a whole training.
 */
export const VerifyLevel = z.enum(["L0", "L1", "L2", "L3"]);
export type VerifyLevel = z.infer<typeof VerifyLevel>;

export const ReproducibilityVerdict = z
  .object({
    /** Highest level that passed with all below it; null when even L0 failed. */
    level: VerifyLevel.nullable(),
    /** Whether every level that was asked for passed. */
    passed: z.boolean(),
    details: z.array(z.object({ level: VerifyLevel, passed: z.boolean(), message: z.string() })),
  })
  .meta({ id: "ReproducibilityVerdict" });
export type ReproducibilityVerdict = z.infer<typeof ReproducibilityVerdict>;

/**
 * Result of `experimentWorkflow`, and the body of `belay run --json`. When no trial completed, the workflow fails as
 * `NoTrialCompleted`, and when the merge that was asked for failed, with that failure's type; the first detail of the
 * failure is this object, with state `failed`.
 */
export const ExperimentResult = z.object({
  run: z.string(),
  state: RunState,
  seconds: z.number(),
  trials: z.record(TrialEndState, z.int()),
  base: z.object({ metrics: Metrics }),
  best: z.object({ trial: z.int(), params: TrialParams, metrics: Metrics }).nullable(),
  /** The winner's gain over the base, with its interval. */
  comparison: CompareOutput.nullable().optional(),
  /** Rows that base and winner were scored on: validation where there are no test rows. */
  split: z.enum(["test", "validation"]).optional(),
  /** What a reader of the result should know, in the order in which it was found. */
  warnings: z.array(z.string()).optional(),
  artifacts: z.object({
    report: PublishedArtifact,
    reportMarkdown: PublishedArtifact,
    manifest: PublishedArtifact,
    /** A single-file view of the adapter: adapter_model.safetensors. */
    adapter: PublishedArtifact.nullable(),
    metrics: PublishedArtifact.nullable(),
    merged: PublishedArtifact.optional(),
  }),
  reproducibility: ReproducibilityVerdict,
});
export type ExperimentResult = z.infer<typeof ExperimentResult>;
