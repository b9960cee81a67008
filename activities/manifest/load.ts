import { z } from "zod";
import type { VerificationPlan } from "../../workflows/contracts";
import { CheckpointRef, EvalInput, TrainingInput } from "../../workflows/contracts";
import { manifestKey } from "../artifacts/keys";
import type { ObjectStore } from "../artifacts/object-store";
import { failure } from "../failure";
import { listArtifacts } from "../persistence/artifacts";
import type { Queries } from "../persistence/database";
import { PREDICATE_TYPE, STATEMENT_TYPE, type Statement } from "./statement";

const Plan = z.object({
  run: z.string(),
  winner: z
    .object({
      trial: z.int(),
      training: TrainingInput.omit({ job: true }),
      evaluation: EvalInput.omit({ job: true }),
      checkpoint: CheckpointRef,
      adapterSha256: z.string(),
      metrics: z.record(z.string(), z.number()),
      lossCurve: z.array(z.object({ step: z.int(), value: z.number() })),
    })
    .nullable(),
  bitwise: z.boolean(),
  device: z.string(),
  tolerances: z.object({ metric: z.number(), loss: z.number() }),
  replaySteps: z.int(),
}) satisfies z.ZodType<VerificationPlan>;

const Resources = z.array(
  z.object({ name: z.string(), uri: z.string().optional(), digest: z.record(z.string(), z.string()) }),
);

/** The parts of a manifest that verification reads. */
const Readable = z.object({
  _type: z.literal(STATEMENT_TYPE),
  subject: Resources,
  predicateType: z.literal(PREDICATE_TYPE),
  predicate: z.object({
    buildDefinition: z.object({
      internalParameters: z.object({ schemaVersion: z.literal(1), verification: Plan }),
      resolvedDependencies: Resources,
    }),
    runDetails: z.object({ byproducts: Resources }),
  }),
});

interface ManifestSource {
  db: Queries;
  store: ObjectStore;
}

interface StoredManifest {
  statement: Statement;
  sha256: string;
  bytes: Buffer;
}

/** A run's manifest as it lies in the store. */
export async function loadManifest(store: ObjectStore, run: string): Promise<StoredManifest> {
  const found = await findManifest(store, run);
  if (!found) throw notWritten(run);
  return found;
}

async function findManifest(store: ObjectStore, run: string): Promise<StoredManifest | undefined> {
  const stored = await store.read(manifestKey(run));
  if (!stored) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(stored.bytes.toString("utf8"));
  } catch {
    throw failure("CorruptArtifact", `the manifest of ${run} is not JSON`);
  }
  const parsed = Readable.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw failure(
      "CorruptArtifact",
      `the manifest of ${run} cannot be read: ${issue?.path.join(".")}: ${issue?.message}`,
    );
  }
  return { statement: value as Statement, sha256: stored.ref.sha256, bytes: stored.bytes };
}

/** How to check the run, from its manifest alone. */
export async function loadPlan({ db, store }: ManifestSource, run: string): Promise<VerificationPlan> {
  const found = await findManifest(store, run);
  if (!found) throw await absence(db, run);
  return found.statement.predicate.buildDefinition.internalParameters.verification;
}

/** One that was written and is not there any more is damage; else the run has not come so far. */
async function absence(db: Queries, run: string): Promise<Error> {
  const written = (await listArtifacts(db, run)).find(({ name }) => name === "manifest.json");
  if (written) return failure("CorruptArtifact", `manifest.json is gone (${written.ref.uri})`);
  const { rowCount } = await db.query("SELECT 1 FROM runs WHERE run = $1", [run]);
  return rowCount === 0 ? failure("NotFound", `there is no run ${run}`) : notWritten(run);
}

const notWritten = (run: string): Error =>
  failure("NotFound", `${run} has no manifest; a run writes it when its search has ended`);
