import { z } from "zod";
import { Sha256 } from "./artifact";
import { ExperimentSpec } from "./experiment";

/** A local file as it was when the run was resolved. `path` is absolute. */
export const FileDigest = z
  .object({ path: z.string(), sha256: Sha256, sizeBytes: z.int().nonnegative() })
  .meta({ id: "FileDigest" });
export type FileDigest = z.infer<typeof FileDigest>;

/** What `spec.resolve` recorded once: defaults filled, paths absolute, every input file hashed. */
export const ResolvedSpec = z
  .object({
    spec: ExperimentSpec,
    /** SHA-256 of the canonical JSON of `spec`. */
    specSha256: Sha256,
    /** Files of the base model, in path order; empty for a hub model (pinned by its revision). */
    modelFiles: z.array(FileDigest),
    datasetFiles: z.array(FileDigest),
    /** SHA-256 over the hashes of all these files. */
    inputsSha256: Sha256.optional(),
    code: z.object({ version: z.string(), commit: z.string().nullable(), dirty: z.boolean() }),
  })
  .meta({ id: "ResolvedSpec" });
export type ResolvedSpec = z.infer<typeof ResolvedSpec>;
