import { chownSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { Client } from "pg";
import { type Account, unprivilegedAccount } from "../../setup/unprivileged-account.mjs";
import type { Part } from "../part";
import { waitUntil } from "../wait";
import { baseEnvironment } from "./environment";
import { postgresFolder, programsWithinReach } from "./postgres-home";

export const POSTGRES_USER = "belay";

export interface PostgresOptions {
  /** Where its folder is, or the link to it. */
  place: string;
  home: string;
  /** PostgreSQL's programs. */
  bin: string;
  password: string;
}

export function postgresUrl(port: number, password: string, database: string): string {
  return `postgresql://${POSTGRES_USER}:${password}@127.0.0.1:${port}/${database}`;
}

/** PostgreSQL on loopback alone, without sockets in the file system; passwords by SCRAM. */
export async function postgresPart(options: PostgresOptions): Promise<Part> {
  const account = unprivilegedAccount();
  const bin = await programsWithinReach(options.bin, options.home, account);
  const folder = postgresFolder(options.place, options.home, account);
  const data = join(folder, "data");
  return {
    name: "postgres",
    portNames: ["sql"],
    async before(signal) {
      if (!existsSync(data))
        await createCluster({ bin, folder, data, password: options.password, account, signal });
      await untilMemoryIsFree(data);
    },
    launch: ({ sql }) => ({
      command: join(bin, "postgres"),
      args: [
        "-D",
        data,
        "-p",
        String(sql),
        ...settings({
          listen_addresses: "127.0.0.1",
          unix_socket_directories: "",
          max_connections: "200",
          log_checkpoints: "off",
        }),
      ],
      env: baseEnvironment(),
      cwd: folder,
      account: account && { uid: account.uid, gid: account.gid },
    }),
    isHealthy: ({ sql }) => answers(postgresUrl(sql ?? 0, options.password, "postgres")),
    address: ({ sql }) => `127.0.0.1:${sql}`,
    startWithinMs: 60_000,
  };
}

const settings = (values: Record<string, string>) =>
  Object.entries(values).flatMap(([name, value]) => ["-c", `${name}=${value}`]);

interface Cluster {
  bin: string;
  folder: string;
  data: string;
  password: string;
  account: Account | undefined;
  signal: AbortSignal | undefined;
}

/** Made under another name first: an interrupted initdb leaves nothing that looks like a cluster. */
async function createCluster({ bin, folder, data, password, account, signal }: Cluster): Promise<void> {
  const draft = `${data}.new`;
  const passwordFile = join(folder, "password");
  rmSync(draft, { recursive: true, force: true });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (account) chownSync(passwordFile, account.uid, account.gid);
  const options = ["--username", POSTGRES_USER, "--pwfile", passwordFile, "--auth", "scram-sha-256"];
  const locale = [
    "--encoding",
    "UTF8",
    "--locale-provider",
    "builtin",
    "--builtin-locale",
    "C.UTF-8",
    "--locale",
    "C",
  ];
  try {
    await execa(join(bin, "initdb"), ["--pgdata", draft, "--no-instructions", ...options, ...locale], {
      cwd: folder,
      env: baseEnvironment(),
      extendEnv: false,
      stdin: "ignore",
      ...(signal && { cancelSignal: signal }),
      ...(account && { uid: account.uid, gid: account.gid }),
    });
    renameSync(draft, data);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/**
 * The children of a killed server end a moment after it, and until then a new one refuses to start, because
 * the old one's shared memory is still in use. postmaster.pid names it, in its seventh line: key and id.
 */
async function untilMemoryIsFree(data: string): Promise<void> {
  const pidFile = join(data, "postmaster.pid");
  const [, id] = existsSync(pidFile)
    ? (readFileSync(pidFile, "utf8").split("\n")[6] ?? "").trim().split(/\s+/)
    : [];
  if (id) await waitUntil(() => attachedProcesses(id) === 0, 10_000);
}

function attachedProcesses(id: string): number {
  const lines = readFileSync("/proc/sysvipc/shm", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  const [header = []] = lines;
  const segment = lines.find((line) => line[header.indexOf("shmid")] === id);
  return Number(segment?.[header.indexOf("nattch")] ?? 0);
}

export async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2000, query_timeout: 2000 });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("SELECT 1");
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}
