import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Client } from "minio";
import type { PublishedArtifact } from "../../workflows/contracts";
import type { ObjectStoreAccess } from "./deployment";

export class DownloadFailed extends Error {
  override readonly name = "DownloadFailed";
}

/** Copies published artifacts out of the object store, checking every byte against its hash. */
export class ObjectStore {
  private readonly client: Client;

  /** `interrupt`: aborted, it breaks off a download and refuses the next. */
  constructor(
    { endpoint, accessKey, secretKey }: ObjectStoreAccess,
    private readonly interrupt?: AbortSignal,
  ) {
    const { hostname, port, protocol } = new URL(endpoint);
    const useSSL = protocol === "https:";
    this.client = new Client({
      endPoint: hostname,
      port: port ? Number(port) : useSSL ? 443 : 80,
      useSSL,
      accessKey,
      secretKey,
      pathStyle: true,
    });
  }

  /** `target` appears whole or not at all. */
  async download({ uri, sha256 }: Pick<PublishedArtifact, "uri" | "sha256">, target: string): Promise<void> {
    const { host: bucket, pathname } = new URL(uri);
    this.interrupt?.throwIfAborted();
    const draft = `${target}.${process.pid}.part`;
    await mkdir(dirname(target), { recursive: true });
    const hash = createHash("sha256");
    const hashing = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        done(null, chunk);
      },
    });
    try {
      const source = await this.client.getObject(bucket, decodeURIComponent(pathname.slice(1)));
      await pipeline(source, hashing, createWriteStream(draft), { signal: this.interrupt });
      const found = hash.digest("hex");
      if (found !== sha256)
        throw new DownloadFailed(`${uri} is not what was published: its sha256 is ${found}, not ${sha256}`);
      await rename(draft, target);
    } catch (error) {
      if (error instanceof DownloadFailed) throw error;
      throw new DownloadFailed(
        `${uri} could not be fetched: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      );
    } finally {
      await rm(draft, { force: true });
    }
  }
}
