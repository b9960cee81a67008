import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Connection } from "@temporalio/client";
import { Client as S3 } from "minio";
import { Client as Sql } from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { loadStack, Stack, type StackEvent, type StackInfo } from "../../../infra/dev";
import { namespaceAnswers } from "../../../infra/dev/prepare/namespace";
import { taggedProcesses, tagOf } from "../../../infra/dev/processes/leftovers";
import { scratchFolder } from "../../support/scratch";

const serversOnly = { kernel: false, ml: false, gpu: false };

async function rows(info: StackInfo, sql: string): Promise<unknown[]> {
  const client = new Sql({ connectionString: info.postgres.url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

function store({ s3 }: StackInfo): S3 {
  const { hostname, port } = new URL(s3.endpoint);
  return new S3({
    endPoint: hostname,
    port: Number(port),
    useSSL: false,
    accessKey: s3.accessKey,
    secretKey: s3.secretKey,
  });
}

async function read(info: StackInfo, key: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of await store(info).getObject(info.s3.bucket, key)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

describe("a stack of real servers", () => {
  const stateDir = mkdtempSync(join(tmpdir(), "belay-stack-"));
  chmodSync(stateDir, 0o755);
  const events: StackEvent[] = [];
  const stack = new Stack({ stateDir, workers: serversOnly, onEvent: (event) => events.push(event) });
  const happened = (type: StackEvent["type"]) =>
    events.flatMap((e) => (e.type === type && "part" in e ? [e.part] : []));
  let info: StackInfo;

  beforeAll(async () => {
    info = await stack.up();
  });
  afterAll(() => stack.destroy());

  test("comes up migrated, with bucket, search attributes and retention", async () => {
    expect(happened("ready").sort()).toEqual(["minio", "postgres", "temporal"]);
    expect(await rows(info, "SELECT extname FROM pg_extension WHERE extname = 'vector'")).toHaveLength(1);
    expect(await rows(info, "SELECT to_regclass('runs') IS NOT NULL AS there")).toEqual([{ there: true }]);
    expect(await rows(info, "SELECT 1 FROM pg_database WHERE datname = 'optuna'")).toHaveLength(1);
    expect(await store(info).getBucketVersioning(info.s3.bucket)).toMatchObject({ Status: "Enabled" });
    const connection = await Connection.connect({ address: info.temporal.address });
    try {
      const { customAttributes } = await connection.operatorService.listSearchAttributes({
        namespace: "default",
      });
      expect(Object.keys(customAttributes)).toEqual(
        expect.arrayContaining(["BelayExperiment", "BelayTrial", "BelayState", "BelayObjective"]),
      );
      const { config } = await connection.workflowService.describeNamespace({ namespace: "default" });
      expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBeGreaterThan(24 * 3600);
    } finally {
      await connection.close();
    }
    expect((await fetch(info.temporal.ui ?? "")).status).toBe(200);
  });

  test("is on loopback only, and its file is its owner's", async () => {
    expect(statSync(stack.layout.stackFile).mode & 0o777).toBe(0o600);
    expect(loadStack({ stateDir })).toEqual(info);
    for (const address of [
      info.temporal.address,
      new URL(info.s3.endpoint).host,
      new URL(info.postgres.url).host,
    ])
      expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
    const listening = readFileSync("/proc/net/tcp", "utf8") + readFileSync("/proc/net/tcp6", "utf8");
    const port = Number(new URL(info.postgres.url).port).toString(16).toUpperCase().padStart(4, "0");
    const addresses = [...listening.matchAll(new RegExp(`([0-9A-F]+):${port} \\S+ 0A`, "g"))].map(
      ([, host]) => host,
    );
    expect(addresses).toEqual(["0100007F"]);
  });

  test("a wrong password is refused", async () => {
    const url = new URL(info.postgres.url);
    url.password = "wrong";
    await expect(
      rows({ ...info, postgres: { ...info.postgres, url: url.href } }, "SELECT 1"),
    ).rejects.toThrow(/password/);
  });

  test("up again changes nothing", async () => {
    events.length = 0;
    expect(await stack.up()).toEqual(info);
    expect(happened("starting")).toEqual([]);
    expect(happened("alreadyUp").sort()).toEqual(["minio", "postgres", "temporal"]);
  });

  test.each(["postgres", "minio", "temporal"] as const)(
    "up heals a stack whose %s was killed",
    async (part) => {
      await rows(info, "CREATE TABLE IF NOT EXISTS kept AS SELECT 7 AS value");
      await store(info).putObject(info.s3.bucket, "kept", "seven");
      const killed = await stack.kill(part);
      const found = await stack.status();
      expect(found.parts.find(({ name }) => name === part)).toMatchObject({ state: "down", pid: null });
      expect(found.parts.filter(({ state }) => state === "up")).toHaveLength(2);

      events.length = 0;
      const healed = await stack.up();
      expect(happened("starting")).toEqual([part]);
      const pids = { postgres: healed.postgres.pid, minio: healed.s3.pid, temporal: healed.temporal.pid };
      expect(pids[part]).not.toBe(killed);
      expect(healed.temporal.address).toBe(info.temporal.address);
      expect(await rows(healed, "SELECT value FROM kept")).toEqual([{ value: 7 }]);
      expect(await read(healed, "kept")).toBe("seven");
      info = healed;
    },
  );

  test("two that bring it up at once take turns", async () => {
    await stack.kill("minio");
    const seen: StackEvent[] = [];
    const other = new Stack({ stateDir, workers: serversOnly, onEvent: (event) => seen.push(event) });
    events.length = 0;
    const [one, two] = await Promise.all([stack.up(), other.up()]);
    expect(one).toEqual(two);
    const starts = [...events, ...seen].filter((event) => event.type === "starting");
    expect(starts).toEqual([{ type: "starting", part: "minio" }]);
    info = one;
  });

  test("another stack on this machine has its own ports, and does not notice when this one stops", async () => {
    const other = new Stack({ stateDir: join(scratchFolder(), "state"), workers: serversOnly });
    onTestFinished(() => other.destroy());
    const its = await other.up();
    expect(its.s3.secretKey).not.toBe(info.s3.secretKey);
    const addresses = ({ temporal, postgres, s3 }: StackInfo) => [
      temporal.address,
      temporal.ui,
      new URL(postgres.url).host,
      s3.endpoint,
    ];
    expect(new Set([...addresses(its), ...addresses(info)]).size).toBe(8);

    await stack.down();
    expect(loadStack({ stateDir })).toBeUndefined();
    expect(await stack.status()).toEqual({ stack: null, workers: [], parts: [] });
    expect((await other.status()).parts.map(({ state }) => state)).toEqual(["up", "up", "up"]);
    expect(await namespaceAnswers(info.temporal.address, "default")).toBe(false);
  });

  test("a port that was taken while it was down is replaced; its data is still there", async () => {
    const taken = Number(new URL(info.s3.endpoint).port);
    const stranger = createServer().listen(taken, "127.0.0.1");
    await new Promise((resolve) => stranger.once("listening", resolve));
    onTestFinished(() => void stranger.close());
    const again = await stack.up();
    expect(again.s3.endpoint).not.toBe(info.s3.endpoint);
    expect(again.postgres.url).toBe(info.postgres.url);
    expect(await read(again, "kept")).toBe("seven");
    expect(await rows(again, "SELECT value FROM kept")).toEqual([{ value: 7 }]);
    info = again;
  });
});

test("workers come up after the servers, are healed one by one, and leave nothing behind", async () => {
  const events: StackEvent[] = [];
  const stack = new Stack({
    stateDir: join(scratchFolder(), "state"),
    onEvent: (event) => events.push(event),
  });
  onTestFinished(() => stack.destroy());
  const started = () => events.flatMap((event) => (event.type === "starting" ? [event.part] : []));
  const info = await stack.up();
  expect(info.workers.map(({ name, taskQueue }) => [name, taskQueue])).toEqual([
    ["kernel", "belay-kernel"],
    ["ml", "belay-ml"],
    ["gpu", "belay-gpu"],
  ]);
  expect(new Set(started().slice(0, 3))).toEqual(new Set(["postgres", "minio", "temporal"]));
  const environment = readFileSync(`/proc/${stack.pid("gpu")}/environ`, "utf8");
  expect(environment).toContain("TEMPORAL_ADDRESS=");
  expect(environment).not.toContain("DATABASE_URL=");

  const killed = await stack.kill("kernel");
  expect((await stack.status()).workers.find(({ name }) => name === "kernel")?.pid).toBeNull();
  events.length = 0;
  const healed = await stack.up();
  expect(started()).toEqual(["kernel"]);
  expect(healed.workers.find(({ name }) => name === "kernel")?.pid).not.toBe(killed);

  // Its trainer is a process of its own, which outlives a killed worker.
  await stack.kill("gpu");
  await stack.down();
  for (const name of ["postgres", "minio", "temporal", "kernel", "ml", "gpu"] as const) {
    expect(stack.pid(name)).toBeUndefined();
    expect(taggedProcesses(tagOf(stack.layout.stateDir, name))).toEqual([]);
  }
}, 300_000);

test("a part that cannot start says so with the end of its log", async () => {
  const stateDir = scratchFolder();
  const stack = new Stack({ stateDir, workers: serversOnly });
  onTestFinished(() => stack.destroy());
  await stack.up();
  await stack.down();
  const format = join(stack.layout.minio, "data", ".minio.sys", "format.json");
  expect(existsSync(format)).toBe(true);
  writeFileSync(format, "not a format");
  await expect(stack.up()).rejects.toThrow(/minio .*its log is .*minio\.log\n/s);
});

test.skipIf(process.getuid?.() !== 0)("as root, below a folder that only root can enter", async () => {
  const closed = scratchFolder();
  chmodSync(closed, 0o700);
  const stack = new Stack({ stateDir: join(closed, ".belay"), workers: serversOnly });
  onTestFinished(() => stack.destroy());
  const info = await stack.up();
  expect(await rows(info, "SELECT current_user AS name")).toEqual([{ name: "belay" }]);
  const moved = readlinkSync(stack.layout.postgres);
  expect(statSync(moved).uid).not.toBe(0);
  const pid = info.postgres.pid ?? 0;
  expect(readFileSync(`/proc/${pid}/status`, "utf8")).not.toMatch(/^Uid:\s+0\s/m);
  await stack.destroy();
  expect(existsSync(moved)).toBe(false);
});
