import { z } from "zod";
import { ArtifactRef, CheckpointRef } from "./artifact";
import { PlacementSpec } from "./experiment";

/** Work that runs on an engine, and needs a seat there. */
export const Entrypoint = z
  .enum(["training.run", "eval.run", "merge.run", "hub.push"])
  .meta({ id: "Entrypoint" });
export type Entrypoint = z.infer<typeof Entrypoint>;

export const Resources = z
  .object({
    gpus: z.number().nonnegative().default(1),
    gpuMemoryGiB: z.number().nonnegative().nullable().default(null),
    cpus: z.number().positive().nullable().default(null),
    memoryGiB: z.number().positive().nullable().default(null),
  })
  .meta({ id: "Resources" });

/** A reference to a secret held by the worker's environment; never the value. */
export const SecretRef = z.object({ fromEnv: z.string() }).meta({ id: "SecretRef" });

/** One unit of work that leaves the process, whatever the backend. */
export const JobSpec = z
  .object({
    apiVersion: z.literal("belay/v1").default("belay/v1"),
    kind: z.literal("Job").default("Job"),
    entrypoint: Entrypoint,
    run: z.string(),
    /** Whose checkpoints and epochs these are, e.g. `<run>/trial-3`; jobs of one subject never overlap. */
    subject: z.string(),
    /** First run id of the experiment's execution chain: the job is refused once the run was started anew. */
    chain: z.string().nullable().default(null),
    /** The entrypoint's own input, as its contract in `contracts/skills` says; `job` is filled in at dispatch. */
    params: z.record(z.string(), z.unknown()),
    inputs: z.array(ArtifactRef).default([]),
    outputs: z.array(z.string()).default([]),
    resources: Resources.prefault({}),
    placement: PlacementSpec.prefault({}),
    /** Longest run time of one attempt, in seconds. */
    timeoutSeconds: z.int().positive().default(86_400),
    /** Whether an interrupted attempt may go on from a checkpoint. */
    checkpoint: z.boolean().default(false),
    env: z.record(z.string(), SecretRef).default({}),
  })
  .meta({ id: "JobSpec" });
export type JobSpec = z.infer<typeof JobSpec>;

/** What an engine answers when it grants a seat. */
export const SeatGrant = z
  .object({ engineId: z.string(), taskQueue: z.string(), seatId: z.string(), device: z.string() })
  .meta({ id: "SeatGrant" });
export type SeatGrant = z.infer<typeof SeatGrant>;

export const SeatRelease = z.object({ seatId: z.string() }).meta({ id: "SeatRelease" });
export type SeatRelease = z.infer<typeof SeatRelease>;

export const SeatRequest = z
  .object({
    run: z.string(),
    subject: z.string(),
    /** Base model key: engines that already hold it are preferred, and two bases take turns. */
    base: z.string(),
    /** The job must not share the engine with any other. */
    exclusive: z.boolean().default(false),
    gpuMemoryGiB: z.number().nonnegative().nullable().default(null),
  })
  .meta({ id: "SeatRequest" });
export type SeatRequest = z.infer<typeof SeatRequest>;

/** Filled in by `runJob` at each dispatch, and carried by every activity on an engine. */
export const JobContext = z
  .object({
    run: z.string(),
    subject: z.string(),
    /** Fencing token: Postgres increments it before every dispatch of the subject. */
    epoch: z.int().nonnegative(),
    /** Checkpoints to resume from, newest first; the first whose hashes check out is used. */
    resumeFrom: z.array(CheckpointRef),
    seat: SeatGrant.nullable(),
    /** The engine frees the seat itself when this activity ends: no `gpu.releaseSeat` follows a normal end. */
    releaseSeat: z.boolean().default(false),
  })
  .meta({ id: "JobContext" });
export type JobContext = z.infer<typeof JobContext>;
