import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ArtifactRef, StageOutputs } from "../../workflows/contracts";
import { readableJson } from "../../workflows/contracts/canonical-json";
import { manifestKey, signatureKey } from "../artifacts/keys";
import { type ObjectStore, sha256 } from "../artifacts/object-store";
import { parseManifest } from "../checkpoints/listing";
import { type ArtifactRow, listArtifacts, recordArtifacts } from "../persistence/artifacts";
import type { Database } from "../persistence/database";
import { listRungs } from "../persistence/read-rungs";
import { readTrial, type StoredTrial } from "../persistence/read-trials";
import { readCurve } from "../persistence/trace";
import { deviceOf, environmentFacts, hubBases, trialFacts } from "./facts";
import { PAYLOAD_TYPE, type Signer } from "./signature";
import { buildStatement } from "./statement";
import { REPLAY_STEPS, verificationPlan } from "./verification";

export interface ManifestDependencies {
  db: Database;
  store: ObjectStore;
  /** The folder of the lock files. */
  root: string;
  /** Signs manifests; null: they stay unsigned. */
  signer: Signer | null;
}

/** Gathers what a run's result rests on into one statement, and publishes it as manifest.json. */
export async function writeManifest(
  { db, store, root, signer }: ManifestDependencies,
  run: string,
  stages: StageOutputs,
  temporalRunId: string,
): Promise<ArtifactRef> {
  const best = stages.selection?.best ?? null;
  const winner = best === null ? null : ((await readTrial(db, run, best)) ?? null);
  const environments = await environmentFacts(db, run);
  const plan = verificationPlan({
    run,
    stages,
    winner,
    lossCurve: winner ? await readCurve(db, winner.workflowId, "train_loss", REPLAY_STEPS) : [],
    device: (winner && (await deviceOf(db, run, winner.workflowId))) ?? "cpu",
  });
  const statement = buildStatement({
    run,
    stages,
    temporalRunId,
    plan,
    environments,
    hubBases: await hubBases(db, run, stages.resolved.spec),
    artifacts: await listArtifacts(db, run),
    trials: await trialFacts(db, run),
    rungs: await listRungs(db, run),
    lockFiles: await lockFiles(root),
    lockedVersions: await lockedVersions(root),
    checkpointFiles: await checkpointFiles(store, winner),
  });
  const bytes = Buffer.from(readableJson(statement));
  const ref = await store.putNamed(manifestKey(run), bytes, PAYLOAD_TYPE);
  const rows: ArtifactRow[] = [{ name: "manifest.json", trial: null, kind: "manifest", ref }];
  if (signer) {
    const envelope = Buffer.from(readableJson(signer.seal(bytes)));
    const signed = await store.putNamed(signatureKey(run), envelope, "application/vnd.dsse.envelope.v1+json");
    rows.push({ name: "manifest.dsse.json", trial: null, kind: "manifest", ref: signed });
  }
  await recordArtifacts(db, run, rows);
  return ref;
}

/** Packages whose version decides what a training computes. */
const decisive = [
  "accelerate",
  "numpy",
  "optuna",
  "peft",
  "safetensors",
  "tokenizers",
  "torch",
  "transformers",
];

/** Versions as the lock file pins them; engines report what they really loaded. */
async function lockedVersions(root: string): Promise<Record<string, string>> {
  const lock = await readFile(join(root, "gpu-worker/requirements.lock"), "utf8");
  const pins = [...lock.matchAll(/^([A-Za-z0-9_.-]+)==([^\s;\\]+)/gm)].map(
    ([, name, version]) => [name, version] as [string, string],
  );
  return Object.fromEntries(pins.filter(([name]) => decisive.includes(name)));
}

async function lockFiles(root: string): Promise<{ name: string; sha256: string }[]> {
  const names = ["gpu-worker/requirements.lock", "package-lock.json"];
  return Promise.all(names.map(async (name) => ({ name, sha256: sha256(await readFile(join(root, name))) })));
}

async function checkpointFiles(store: ObjectStore, winner: StoredTrial | null) {
  if (!winner?.checkpoint) return [];
  return parseManifest(await store.get(winner.checkpoint.manifest))?.files ?? [];
}
