import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { dirname } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Client, CopyDestinationOptions, CopySourceOptions } from "minio";
import type { ArtifactRef } from "../../workflows/contracts";
import { failure } from "../failure";
import { explainStoreError, isMissing } from "./errors";
import { blobKey } from "./keys";

export interface ObjectStoreOptions {
  /** http://host:port or https://host:port */
  endpoint: string;
  bucket: string;
  accessKey: string;
  secretKey: string;
}

export interface ListedObject {
  key: string;
  sizeBytes: number;
  lastModified: Date;
}

/**
 * The artifact store, in any S3. An object appears whole or not at all. Failures are `NotFound`, `CorruptArtifact`,
 * `StorageUnavailable` or `DiskFull`.
 */
export interface ObjectStore {
  readonly bucket: string;
  /** Stores bytes under their hash. */
  put(bytes: Buffer, mediaType: string): Promise<ArtifactRef>;
  /** Stores bytes under a name, replacing what was there. */
  putNamed(key: string, bytes: Buffer, mediaType: string): Promise<ArtifactRef>;
  /** Copies an object to a name inside the store; the bytes do not pass through this process. */
  copy(from: ArtifactRef, key: string): Promise<ArtifactRef>;
  /** The bytes, checked against the hash. For small objects. */
  get(ref: ArtifactRef): Promise<Buffer>;
  /** The first bytes of an object, unchecked: its hash is over all of them. */
  start(ref: ArtifactRef, bytes: number): Promise<Buffer>;
  /** What is under a name now, and its reference; undefined when there is nothing. */
  read(key: string): Promise<{ bytes: Buffer; ref: ArtifactRef } | undefined>;
  /** Hash and size of what is stored under a reference's name now, read as a stream; undefined when there is nothing. */
  digest(ref: ArtifactRef): Promise<{ sha256: string; sizeBytes: number } | undefined>;
  /** Writes the object to a file by atomic rename, checked against the hash. */
  download(ref: ArtifactRef, path: string): Promise<void>;
  list(prefix: string): Promise<ListedObject[]>;
  /** Removes the current version; without complaint when there is none. */
  remove(key: string): Promise<void>;
  /** Removes all versions that are older than `before`. */
  purge(key: string, before: Date): Promise<void>;
  /** Fails unless the bucket answers. */
  check(): Promise<void>;
}

/** S3 copies at most this much in one request. */
const MAX_SINGLE_COPY_BYTES = 5 * 1024 ** 3;
const MAX_SOCKETS = 32;

export function createObjectStore(options: ObjectStoreOptions): ObjectStore {
  const { bucket } = options;
  const endpoint = new URL(options.endpoint);
  const secure = endpoint.protocol === "https:";
  const client = new Client({
    endPoint: endpoint.hostname,
    port: endpoint.port ? Number(endpoint.port) : secure ? 443 : 80,
    useSSL: secure,
    accessKey: options.accessKey,
    secretKey: options.secretKey,
    region: "us-east-1",
    // Retries belong to Temporal.
    retryOptions: { disableRetry: true },
    transportAgent: new (secure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: MAX_SOCKETS }),
  });

  const uriOf = (key: string) => `s3://${bucket}/${key}`;
  const explained = async <T>(at: string | ArtifactRef, work: (key: string) => Promise<T>): Promise<T> => {
    const key = typeof at === "string" ? at : keyOf(at, bucket);
    try {
      return await work(key);
    } catch (error) {
      throw explainStoreError(error, options.endpoint, uriOf(key));
    }
  };
  const orUndefined = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };

  const putNamed = (key: string, bytes: Buffer, mediaType: string): Promise<ArtifactRef> =>
    explained(key, async () => {
      await client.putObject(bucket, key, bytes, bytes.length, { "Content-Type": mediaType });
      return { uri: uriOf(key), sha256: sha256(bytes), sizeBytes: bytes.length, mediaType };
    });

  const stat = (key: string) => orUndefined(() => client.statObject(bucket, key));

  return {
    bucket,
    putNamed,
    async put(bytes, mediaType) {
      const hash = sha256(bytes);
      const key = blobKey(hash);
      const known = await explained(key, () => stat(key));
      if (known?.size === bytes.length)
        return { uri: uriOf(key), sha256: hash, sizeBytes: bytes.length, mediaType };
      return putNamed(key, bytes, mediaType);
    },
    copy: (from, key) =>
      explained(from, async (source) => {
        const target = new CopyDestinationOptions({ Bucket: bucket, Object: key });
        if (from.sizeBytes > MAX_SINGLE_COPY_BYTES)
          await client.composeObject(target, [new CopySourceOptions({ Bucket: bucket, Object: source })]);
        else await client.copyObject(new CopySourceOptions({ Bucket: bucket, Object: source }), target);
        return { ...from, uri: uriOf(key) };
      }),
    get: (ref) =>
      explained(ref, async (key) => {
        const bytes = await collect(await client.getObject(bucket, key));
        verify(ref, sha256(bytes));
        return bytes;
      }),
    start: (ref, bytes) =>
      explained(ref, async (key) => collect(await client.getPartialObject(bucket, key, 0, bytes))),
    read: (key) =>
      explained(key, () =>
        orUndefined(async () => {
          const stream = await client.getObject(bucket, key);
          const bytes = await collect(stream);
          return {
            bytes,
            ref: {
              uri: uriOf(key),
              sha256: sha256(bytes),
              sizeBytes: bytes.length,
              mediaType: mediaTypeOf(stream),
            },
          };
        }),
      ),
    digest: (ref) =>
      explained(ref, (key) =>
        orUndefined(async () => {
          const hash = createHash("sha256");
          let sizeBytes = 0;
          for await (const chunk of await client.getObject(bucket, key)) {
            hash.update(chunk as Buffer);
            sizeBytes += (chunk as Buffer).length;
          }
          return { sha256: hash.digest("hex"), sizeBytes };
        }),
      ),
    download: (ref, path) =>
      explained(ref, async (key) => {
        await mkdir(dirname(path), { recursive: true });
        const draft = `${path}.${process.pid}.part`;
        const hash = createHash("sha256");
        try {
          const stream = await client.getObject(bucket, key);
          await pipeline(
            stream,
            async function* (source: Readable) {
              for await (const chunk of source) {
                hash.update(chunk as Buffer);
                yield chunk;
              }
            },
            createWriteStream(draft, { flush: true }),
          );
          verify(ref, hash.digest("hex"));
          await rename(draft, path);
        } finally {
          await rm(draft, { force: true });
        }
      }),
    list: (prefix) =>
      explained(prefix, async () => {
        const found: ListedObject[] = [];
        for await (const item of client.listObjectsV2(bucket, prefix, true))
          if (item.name !== undefined)
            found.push({ key: item.name, sizeBytes: item.size, lastModified: item.lastModified });
        return found;
      }),
    remove: (key) => explained(key, () => client.removeObject(bucket, key)),
    purge: (key, before) =>
      explained(key, async () => {
        const versions: { versionId?: string | undefined; lastModified: Date; name?: string | undefined }[] =
          [];
        for await (const item of client.listObjects(bucket, key, true, { IncludeVersion: true }))
          versions.push(item as (typeof versions)[number]);
        for (const { name, versionId, lastModified } of versions)
          if (name === key && lastModified < before)
            await client.removeObject(bucket, key, versionId ? { versionId } : {});
      }),
    check: () =>
      explained("", async () => {
        if (!(await client.bucketExists(bucket)))
          throw failure(
            "StorageUnavailable",
            `the object store at ${options.endpoint} has no bucket ${bucket}`,
          );
      }),
  };
}

export const sha256 = (bytes: Buffer | string): string => createHash("sha256").update(bytes).digest("hex");

/** The key of a reference, which must point into our bucket. */
export function keyOf({ uri }: Pick<ArtifactRef, "uri">, bucket: string): string {
  const prefix = `s3://${bucket}/`;
  if (!uri.startsWith(prefix)) throw failure("NotFound", `${uri} is not in the bucket ${bucket}`);
  return uri.slice(prefix.length);
}

function verify(ref: ArtifactRef, actual: string): void {
  if (actual !== ref.sha256)
    throw failure(
      "CorruptArtifact",
      `${ref.uri} does not match its hash: expected ${ref.sha256}, got ${actual}`,
    );
}

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const mediaTypeOf = (stream: Readable): string =>
  (stream as { headers?: Record<string, string> }).headers?.["content-type"] ?? "application/octet-stream";
