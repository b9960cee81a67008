import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import { NativeConnection } from "@temporalio/worker";
import { PortBook } from "../../infra/dev/ports";
import { namespaceAnswers, prepareNamespace } from "../../infra/dev/prepare/namespace";
import { temporalPart } from "../../infra/dev/servers/temporal";
import { readyTools } from "../../infra/setup/toolchain";
import { until } from "./until";

/** A real Temporal server of a test file's own, prepared as the stack prepares its. */
export interface TemporalServer {
  address: string;
  /** The `temporal` program, for what a person would do from a shell. */
  binary: string;
  client: Client;
  /** For workers. */
  connection: NativeConnection;
  stop(): Promise<void>;
}

export async function startTemporal(): Promise<TemporalServer> {
  const binary = readyTools()?.temporal;
  if (binary === undefined) throw new Error("set-up has not run: there is no Temporal server to start");
  const folder = mkdtempSync(join(tmpdir(), "belay-temporal-"));
  const part = temporalPart(binary, folder);
  const book = new PortBook(join(folder, "ports.json"));
  const ports = { grpc: await book.take("grpc"), ui: await book.take("ui") };
  mkdirSync(folder, { recursive: true });
  await part.before?.();
  const { command, args, env } = part.launch(ports);
  const server = spawn(command, args, { cwd: folder, env, stdio: "ignore" });
  // A test run that ends early must not leave a server behind.
  const killServer = () => server.kill("SIGKILL");
  process.once("exit", killServer);
  const address = part.address(ports) as string;
  await until(() => namespaceAnswers(address, "default"), `the server at ${address} answers`);
  await prepareNamespace(address, "default");
  const clientConnection = await Connection.connect({ address });
  const connection = await NativeConnection.connect({ address });
  return {
    address,
    binary,
    client: new Client({ connection: clientConnection, identity: "test" }),
    connection,
    stop: async () => {
      try {
        await connection.close();
        await clientConnection.close();
      } finally {
        await ended(server);
        process.removeListener("exit", killServer);
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}
