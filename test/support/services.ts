import { randomBytes } from "node:crypto";
import { Connection, Client as TemporalClient } from "@temporalio/client";
import { Client as S3Client } from "minio";
import { Client as PgClient } from "pg";
import { afterAll, beforeAll, inject, onTestFinished } from "vitest";
import { createObjectStore, type ObjectStore } from "../../activities/artifacts/object-store";
import { createDatabase, type Database } from "../../activities/persistence/database";
import { Stack, type StackInfo } from "../../infra/dev";
import { prepareBucket } from "../../infra/dev/prepare/bucket";
import { runMigrations } from "../../infra/postgres/migrate";

let running: Promise<StackInfo> | undefined;

/** Postgres, MinIO and Temporal of this test run; the first caller of any process starts them. */
export function services(): Promise<StackInfo> {
  running ??= new Stack({
    stateDir: inject("servicesStateDir"),
    workers: { kernel: false, ml: false, gpu: false },
  }).up();
  return running;
}

const uniqueName = (what: string): string => `${what}_${randomBytes(6).toString("hex")}`;

/** Makes what all tests of a file share; what is handed to `atEnd` runs after the last of them, newest first. */
export function sharedByFile(prepare: (atEnd: (clean: () => Promise<void>) => void) => Promise<void>): void {
  const cleanings: (() => Promise<void>)[] = [];
  beforeAll(() => prepare((clean) => void cleanings.unshift(clean)));
  afterAll(async () => {
    for (const clean of cleanings) await clean();
  });
}

/** An empty database of one's own; gone when the test (or the file, in `sharedByFile`) is over. */
export async function emptyDatabase(
  onEnd: (clean: () => Promise<void>) => void = onTestFinished,
): Promise<string> {
  const { postgres } = await services();
  const name = uniqueName("test");
  await adminQuery(postgres.url, `CREATE DATABASE ${name}`);
  onEnd(() => adminQuery(postgres.url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  const url = new URL(postgres.url);
  url.pathname = `/${name}`;
  return url.href;
}

/** A database with Belay's tables. */
export async function freshDatabase(
  onEnd: (clean: () => Promise<void>) => void = onTestFinished,
): Promise<{ url: string; db: Database }> {
  const closings: (() => Promise<void>)[] = [];
  const url = await emptyDatabase((clean) => closings.push(clean));
  await runMigrations(url);
  const db = createDatabase({ url, maxConnections: 4 });
  onEnd(async () => {
    await db.close();
    for (const close of closings) await close();
  });
  return { url, db };
}

export interface FreshStore {
  store: ObjectStore;
  bucket: string;
  /** The server's own client, to look behind the store's back and to damage what is in there. */
  s3: S3Client;
  options: Parameters<typeof createObjectStore>[0];
}

/** Where an S3 server is, and how it lets one in. */
export type S3Access = Pick<StackInfo["s3"], "endpoint" | "accessKey" | "secretKey">;

/** A bucket of one's own, prepared as the stack prepares its own. It goes with the server: the stack's, or `other`. */
export async function freshStore(other?: S3Access): Promise<FreshStore> {
  const found = other ?? (await services()).s3;
  const bucket = uniqueName("test").replace("_", "-");
  const options = {
    endpoint: found.endpoint,
    bucket,
    accessKey: found.accessKey,
    secretKey: found.secretKey,
  };
  await prepareBucket(options);
  const { hostname, port } = new URL(found.endpoint);
  const s3 = new S3Client({
    endPoint: hostname,
    port: Number(port),
    useSSL: false,
    accessKey: found.accessKey,
    secretKey: found.secretKey,
  });
  return { store: createObjectStore(options), bucket, s3, options };
}

/** A client of the test run's Temporal Service. */
export async function temporalClient(
  onEnd: (clean: () => Promise<void>) => void = onTestFinished,
): Promise<TemporalClient> {
  const { temporal } = await services();
  const connection = await Connection.connect({ address: temporal.address });
  onEnd(() => connection.close());
  return new TemporalClient({ connection });
}

async function adminQuery(url: string, sql: string): Promise<void> {
  const client = new PgClient({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
