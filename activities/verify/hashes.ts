import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { signatureKey } from "../artifacts/keys";
import type { ObjectStore } from "../artifacts/object-store";
import { loadManifest } from "../manifest/load";
import type { Signer } from "../manifest/signature";
import type { Resource } from "../manifest/statement";
import { type ArtifactRow, listArtifacts } from "../persistence/artifacts";
import type { Database } from "../persistence/database";
import { hashFile } from "../spec/hash-file";

export interface HashDependencies {
  db: Database;
  store: ObjectStore;
  /** Whose signature a manifest must carry; null: none. */
  signer: Signer | null;
}

/** L0: whatever the manifest names and verification or a reader may use still has the hash that it names. */
export async function checkHashes(
  { db, store, signer }: HashDependencies,
  run: string,
): Promise<{ checked: number; failures: string[] }> {
  const { statement, sha256, bytes } = await loadManifest(store, run);
  const { buildDefinition, runDetails } = statement.predicate;
  // Files of a base from the hub are on the engines' machines: whoever loads them tells their hashes anew.
  const base = buildDefinition.resolvedDependencies.filter(
    ({ name, uri }) => name.startsWith("model/") && uri?.startsWith("file:"),
  );
  const resources = [...statement.subject, ...runDetails.byproducts, ...base];
  // Reports are written after the manifest: what they should be is in the record alone.
  const recorded = await listArtifacts(db, run);
  resources.push(...recorded.filter(({ kind }) => kind === "report").map(resourceOf));
  const failures: string[] = [];
  const manifest = recorded.find(({ name }) => name === "manifest.json")?.ref.sha256;
  if (manifest === undefined)
    failures.push("manifest.json is not on record: it is of another start of the run");
  else if (manifest !== sha256) failures.push(differs("manifest.json", manifest, sha256));
  const forged = signer && (await signatureProblem(store, run, signer, bytes));
  if (forged) failures.push(`manifest.dsse.json ${forged}`);
  for (const resource of resources) {
    const problem = await problemWith(store, resource);
    if (problem) failures.push(problem);
  }
  return { checked: resources.length + (signer ? 2 : 1), failures };
}

const resourceOf = ({ name, ref }: ArtifactRow): Resource => ({
  name,
  uri: ref.uri,
  digest: { sha256: ref.sha256 },
});

async function signatureProblem(
  store: ObjectStore,
  run: string,
  signer: Signer,
  manifest: Buffer,
): Promise<string | undefined> {
  const envelope = await store.read(signatureKey(run));
  return envelope ? signer.problemWith(envelope.bytes.toString("utf8"), manifest) : "is gone";
}

async function problemWith(store: ObjectStore, { name, uri, digest }: Resource): Promise<string | undefined> {
  if (uri === undefined || !("sha256" in digest)) return undefined;
  const actual = uri.startsWith("file:") ? await localHash(fileURLToPath(uri)) : await storedHash(store, uri);
  if (actual === undefined) return `${name} is gone (${uri})`;
  return actual === digest.sha256 ? undefined : differs(name, digest.sha256, actual);
}

const storedHash = async (store: ObjectStore, uri: string): Promise<string | undefined> =>
  (await store.digest({ uri, sha256: "", sizeBytes: 0, mediaType: "" }))?.sha256;

/** Read anew: a file that was tampered with may have kept its size and time. */
async function localHash(path: string): Promise<string | undefined> {
  if (!(await stat(path).catch(() => undefined))?.isFile()) return undefined;
  return (await hashFile(path, { fresh: true })).sha256;
}

const differs = (name: string, expected: string, actual: string): string =>
  `${name} was changed: its hash is ${actual}, recorded was ${expected}`;
