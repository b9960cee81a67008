import { z } from "zod";

/** Lower-case hex SHA-256 of an object's bytes. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 lower-case hex digits");

/**
 * A claim check for anything kept in the object store. Payloads above 64 KiB cross Temporal only as one of these.
 * `uri` is `s3://<bucket>/<key>`.
 */
export const ArtifactRef = z
  .object({
    uri: z.string().regex(/^s3:\/\/[^/]+\/.+/, "expected s3://bucket/key"),
    sha256: Sha256,
    sizeBytes: z.int().nonnegative(),
    mediaType: z.string(),
  })
  .meta({ id: "ArtifactRef" });
export type ArtifactRef = z.infer<typeof ArtifactRef>;

/** A named file of a folder-like artifact (an adapter, a merged model): path relative to the folder. */
export const NamedArtifact = z.object({ path: z.string(), ref: ArtifactRef }).meta({ id: "NamedArtifact" });
export type NamedArtifact = z.infer<typeof NamedArtifact>;

/**
 * A durable checkpoint: its manifest object is written last, so a checkpoint with a manifest is whole.
 * `step` counts optimizer steps done; `epoch` is the dispatch that wrote it.
 */
export const CheckpointRef = z
  .object({ manifest: ArtifactRef, step: z.int().nonnegative(), epoch: z.int().nonnegative() })
  .meta({ id: "CheckpointRef" });
export type CheckpointRef = z.infer<typeof CheckpointRef>;

/**
 * The body of a checkpoint's manifest object. Files are content-addressed and never change. Its key is
 * `runs/<run>/trials/<n>/checkpoints/<step, 8 digits>-<epoch>.json` for the subject `<run>/trial-<n>`, and
 * `runs/<run>/<rest>/checkpoints/<step>-<epoch>.json` for any other subject `<run>/<rest>` (a verification), so that
 * no two subjects share a folder. `trialId` is the subject.
 */
export const CheckpointManifest = z
  .object({
    schemaVersion: z.literal(1),
    run: z.string(),
    trial: z.int(),
    trialId: z.string(),
    epoch: z.int().nonnegative(),
    step: z.int().nonnegative(),
    metrics: z.record(z.string(), z.number()),
    files: z.array(NamedArtifact),
  })
  .meta({ id: "CheckpointManifest" });
export type CheckpointManifest = z.infer<typeof CheckpointManifest>;
