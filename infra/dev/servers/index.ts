import type { Tools } from "../../setup/toolchain";
import { type BringUpContext, bringUp, type Running } from "../bring-up";
import type { Credentials } from "../credentials";
import type { Part } from "../part";
import { BUCKET, prepareBucket } from "../prepare/bucket";
import { prepareDatabases } from "../prepare/databases";
import { prepareNamespace } from "../prepare/namespace";
import type { StackInfo } from "../stack-info";
import { type External, externalServers } from "./external";
import { minioPart } from "./minio";
import { postgresPart, postgresUrl } from "./postgres";
import { temporalPart } from "./temporal";

export type Servers = Omit<StackInfo, "workers">;

/** All three servers, each made ready for use: they do not need each other, so they start at the same time. */
export async function bringServersUp(
  context: BringUpContext,
  tools: Tools,
  credentials: Credentials,
  home: string,
): Promise<Servers> {
  const external = externalServers(process.env);
  const settled = await Promise.allSettled([
    postgresUp(context, tools, credentials, home, external),
    s3Up(context, tools, credentials, external),
    temporalUp(context, tools, external),
  ]);
  // Only when all have settled: whoever handles a failure must not find another part still starting.
  for (const each of settled) if (each.status === "rejected") throw each.reason;
  const [postgres, s3, temporal] = settled.map((each) => (each as PromiseFulfilledResult<unknown>).value);
  return { postgres, s3, temporal } as Servers;
}

async function postgresUp(
  context: BringUpContext,
  { postgresBin }: Tools,
  { postgresPassword: password }: Credentials,
  home: string,
  { postgres }: External,
): Promise<Servers["postgres"]> {
  const use = async (found: Servers["postgres"]) => {
    context.emit({ type: "preparing", what: "databases and tables" });
    await prepareDatabases(found.url, found.optunaUrl);
    return found;
  };
  if (postgres) {
    context.emit({ type: "external", part: "postgres", address: new URL(postgres.url).host });
    return use({ ...postgres, pid: null });
  }
  const part = await postgresPart({ place: context.layout.postgres, home, bin: postgresBin, password });
  const { pid, ports } = await bringUp(part, context);
  const url = (database: string) => postgresUrl(ports.sql ?? 0, password, database);
  return use({ url: url("belay"), optunaUrl: url("optuna"), pid });
}

async function s3Up(
  context: BringUpContext,
  tools: Tools,
  credentials: Credentials,
  { s3 }: External,
): Promise<Servers["s3"]> {
  const use = async (found: Servers["s3"]) => {
    context.emit({ type: "preparing", what: `bucket ${found.bucket}` });
    await prepareBucket(found);
    return found;
  };
  if (s3) {
    context.emit({ type: "external", part: "minio", address: s3.endpoint });
    return use({ ...s3, pid: null });
  }
  const { s3AccessKey: accessKey, s3SecretKey: secretKey } = credentials;
  const { part, running } = await ownServer(context, tools.minio, (binary) =>
    minioPart(binary, context.layout.minio, credentials),
  );
  return use({
    endpoint: part.address(running.ports) ?? "",
    pid: running.pid,
    bucket: BUCKET,
    accessKey,
    secretKey,
  });
}

async function temporalUp(
  context: BringUpContext,
  tools: Tools,
  { temporal }: External,
): Promise<Servers["temporal"]> {
  const use = async (found: Servers["temporal"]) => {
    context.emit({ type: "preparing", what: "search attributes" });
    await prepareNamespace(found.address, found.namespace);
    return found;
  };
  if (temporal) {
    context.emit({ type: "external", part: "temporal", address: temporal.address });
    return use({ ...temporal, pid: null });
  }
  const { running } = await ownServer(context, tools.temporal, (binary) =>
    temporalPart(binary, context.layout.temporal),
  );
  const { grpc, ui } = running.ports;
  return use({
    address: `127.0.0.1:${grpc}`,
    namespace: "default",
    ui: `http://127.0.0.1:${ui}`,
    pid: running.pid,
  });
}

async function ownServer(
  context: BringUpContext,
  binary: string | undefined,
  partOf: (binary: string) => Part,
): Promise<{ part: Part; running: Running }> {
  if (!binary) throw new Error("set-up left this server out, as its address was in the environment");
  const part = partOf(binary);
  return { part, running: await bringUp(part, context) };
}
