import { chmodSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ensureCredentials } from "../../../../infra/dev/credentials";
import { layoutOf } from "../../../../infra/dev/layout";
import { sqlAlchemyUrl } from "../../../../infra/dev/prepare/databases";
import { canEnter } from "../../../../infra/dev/reach";
import { externalServers } from "../../../../infra/dev/servers/external";
import { downOrder } from "../../../../infra/dev/take-down";
import { workerPart } from "../../../../infra/dev/workers";
import { scratchFolder } from "../../../support/scratch";

const servers = {
  temporal: { address: "127.0.0.1:7233", namespace: "default", ui: null, pid: 1 },
  postgres: {
    url: "postgresql://u:p@127.0.0.1:1/belay",
    optunaUrl: "postgresql://u:p@127.0.0.1:1/optuna",
    pid: 2,
  },
  s3: { endpoint: "http://127.0.0.1:2", bucket: "belay", accessKey: "a", secretKey: "s", pid: 3 },
};

test("a GPU worker never gets to know a database", () => {
  process.env.DATABASE_URL = "postgresql://from-the-shell";
  process.env.PGPASSWORD = "secret";
  try {
    const context = { root: "/r", python: "/py", home: "/h", layout: layoutOf("/s"), servers, env: {} };
    const environment = (name: "kernel" | "ml" | "gpu") => {
      const { env, ambient } = workerPart(name, context).launch({});
      return { ...ambient, ...env };
    };
    const { gpu, ml, kernel } = {
      gpu: environment("gpu"),
      ml: environment("ml"),
      kernel: environment("kernel"),
    };
    expect(Object.values(gpu).join("\n")).not.toMatch(/postgres|secret$/m);
    expect(gpu).toMatchObject({
      TEMPORAL_ADDRESS: "127.0.0.1:7233",
      BELAY_S3_ENDPOINT: "http://127.0.0.1:2",
    });
    expect(kernel.DATABASE_URL).toBe(servers.postgres.url);
    expect(kernel.OPTUNA_DATABASE_URL).toBeUndefined();
    expect(ml.OPTUNA_DATABASE_URL).toBe("postgresql+psycopg://u:p@127.0.0.1:1/optuna");
  } finally {
    delete process.env.DATABASE_URL;
    delete process.env.PGPASSWORD;
  }
});

test("workers go down before the servers they write to", () => {
  expect(downOrder).toEqual(["gpu", "ml", "kernel", "temporal", "minio", "postgres"]);
});

test("an address in the environment comes first", () => {
  expect(externalServers({})).toEqual({ postgres: undefined, s3: undefined, temporal: undefined });
  expect(externalServers({ TEMPORAL_ADDRESS: "t:7233", TEMPORAL_NAMESPACE: "n" }).temporal).toEqual({
    address: "t:7233",
    namespace: "n",
    ui: null,
  });
  expect(externalServers({ DATABASE_URL: "postgresql://u:p@db/mine" }).postgres).toEqual({
    url: "postgresql://u:p@db/mine",
    optunaUrl: "postgresql://u:p@db/optuna",
  });
});

test("an address that cannot be used is said plainly", () => {
  expect(() => externalServers({ BELAY_S3_ENDPOINT: "http://s3" })).toThrow(/the keys beside it/);
  expect(() => externalServers({ DATABASE_URL: "not a url" })).toThrow(/DATABASE_URL is not a URL/);
});

test("Optuna's URL names the driver, whatever form it is given in", () => {
  for (const url of ["postgres://h/optuna", "postgresql://h/optuna", "postgresql+psycopg://h/optuna"])
    expect(sqlAlchemyUrl(url)).toBe("postgresql+psycopg://h/optuna");
});

test("credentials are made once per stack, and only their owner reads them", () => {
  const path = join(scratchFolder(), "credentials.json");
  const made = ensureCredentials(path);
  expect(ensureCredentials(path)).toEqual(made);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(ensureCredentials(join(scratchFolder(), "credentials.json")).postgresPassword).not.toBe(
    made.postgresPassword,
  );
  expect(readFileSync(path, "utf8")).toContain(made.s3SecretKey);
});

test("an account may enter a folder only if it may enter all folders above it", () => {
  const folder = scratchFolder();
  const inner = join(folder, "closed", "open");
  mkdirSync(inner, { recursive: true });
  const other = { name: "other", uid: 65_530, gid: 65_530 };
  expect(canEnter(inner, other)).toBe(true);
  chmodSync(join(folder, "closed"), 0o700);
  expect(canEnter(inner, other)).toBe(false);
  expect(canEnter(inner, { ...other, uid: statSync(folder).uid })).toBe(true);
});
