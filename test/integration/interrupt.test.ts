import { writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { type ExecaMethod, execa } from "execa";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { repositoryRoot } from "../../infra/setup/home.mjs";
import { Checkout } from "../support/checkout";
import { baseWeights } from "../support/safetensors";
import { scratchFolder } from "../support/scratch";
import { startTemporal, type TemporalServer } from "../support/temporal";
import { until } from "../support/until";

let temporal: TemporalServer;
beforeAll(async () => {
  temporal = await startTemporal();
});
afterAll(() => temporal.stop());

/** A command as a process, on a Temporal service without workers. */
function belay(address: string, ...args: string[]) {
  const main = join(repositoryRoot(), "dist", "client", "cli", "main.js");
  const env = { TEMPORAL_ADDRESS: address, NO_COLOR: "1" };
  return watched(
    execa(process.execPath, [main, ...args], { env, reject: false, stdin: "ignore", all: true }),
  );
}

/** What a process has written so far. */
function watched<T extends ReturnType<ExecaMethod>>(command: T) {
  onTestFinished(() => void command.kill("SIGKILL"));
  const seen = { text: "" };
  for (const stream of [command.stdout, command.stderr])
    stream?.on("data", (chunk) => {
      seen.text += chunk;
    });
  return { command, seen };
}

/** Accepts connections and passes them on to Temporal from `open` on. */
async function gate(address: string) {
  const [host, port] = address.split(":");
  const waiting: Socket[] = [];
  let isOpen = false;
  const pass = (socket: Socket) => {
    const onward = connect({ host, port: Number(port) });
    for (const each of [socket, onward]) each.on("error", () => {});
    socket.pipe(onward).pipe(socket);
  };
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    if (isOpen) pass(socket);
    else waiting.push(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const listening = server.address();
  return {
    address: `127.0.0.1:${typeof listening === "object" ? listening?.port : 0}`,
    /** The first connection only asks whether anybody listens. */
    isReached: () => waiting.length > 1,
    open: () => {
      isOpen = true;
      for (const socket of waiting) if (!socket.destroyed) pass(socket);
    },
  };
}

function experimentFile(): string {
  const folder = scratchFolder();
  const file = join(folder, "e.yaml");
  writeFileSync(join(folder, "config.json"), '{"model_type": "llama"}');
  writeFileSync(join(folder, "model.safetensors"), baseWeights);
  writeFileSync(join(folder, "rows.jsonl"), '{"prompt":"a","completion":"b"}\n');
  writeFileSync(file, "name: interrupted\nmodel: .\ndataset: rows.jsonl\n");
  return file;
}

const workflows = async (query: string) => {
  const found: string[] = [];
  for await (const each of temporal.client.workflow.list({ query })) found.push(each.workflowId);
  return found;
};

describe("Ctrl-C ends a command with 130", () => {
  test("run, before anything was started: nothing is", async () => {
    const { address, isReached, open } = await gate(temporal.address);
    const { command, seen } = belay(address, "run", experimentFile(), "--detach");
    await until(isReached, "it connects");
    command.kill("SIGINT");
    open();
    const { exitCode } = await command;
    expect([exitCode, seen.text]).toEqual([130, "belay: interrupted\n"]);
    expect(await workflows("WorkflowType = 'experimentWorkflow'")).toEqual([]);
  });

  test("run, while it follows one that no worker takes: that goes on", async () => {
    const { command, seen } = belay(temporal.address, "run", experimentFile(), "--id", "followed");
    await until(async () => (await workflows("WorkflowId = 'followed'")).length > 0, "it is started");
    command.kill("SIGINT");
    expect((await command).exitCode).toBe(130);
    expect(seen.text).toContain("npx belay watch followed");
    await temporal.client.workflow.getHandle("followed").terminate();
  });

  test("verify, which says what it waits for, and is stopped", async () => {
    const { command, seen } = belay(temporal.address, "verify", "some-run");
    await until(() => seen.text.includes("waiting for a kernel worker …"), "it says what it waits for");
    command.kill("SIGINT");
    expect((await command).exitCode).toBe(130);
    expect(seen.text).toContain("The verification of some-run is being stopped.");
    const id = await until(
      async () => (await workflows("WorkflowType = 'verifyWorkflow'"))[0],
      "the verification is listed",
    );
    const { events } = await temporal.client.workflow.getHandle(id).fetchHistory();
    expect(events?.some((event) => event.workflowExecutionCancelRequestedEventAttributes)).toBe(true);
  });
});

/** In order: the second finds what the first has left. */
describe("Ctrl-C while the stack comes up", { timeout: 300_000 }, () => {
  let checkout: Checkout;
  beforeAll(() => {
    checkout = new Checkout();
  });
  afterAll(() => checkout?.remove());

  /** The command, interrupted as soon as a server is on its way. */
  async function interrupted(...args: string[]) {
    const { command, seen } = watched(checkout.start(...args));
    await until(() => /postgres +starting/.test(seen.text), "the first server is starting", 300_000);
    command.kill("SIGINT");
    expect((await command).exitCode).toBe(130);
    return seen;
  }

  test("ends quickstart before its run", async () => {
    const seen = await interrupted("quickstart", "--new");
    expect(seen.text).toContain("Nothing further is started; what was started stays up.");
    await checkout.belay("up");
    expect(JSON.parse(await checkout.belay("status", "--json")).runs).toEqual([]);
    await checkout.belay("down");
  });

  test("ends up: nothing further is started, and the next one goes on", async () => {
    const seen = await interrupted("up");
    expect(seen.text).toContain("Nothing further is started; what was started stays up.");
    expect(["kernel", "ml", "gpu"].map((name) => checkout.stack.pid(name as "gpu"))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    await checkout.belay("up");
    expect(checkout.stack.pid("gpu")).toBeGreaterThan(0);
  });
});
