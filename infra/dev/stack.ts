import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { belayHome, defaultStateDir, repositoryRoot } from "../setup/home.mjs";
import { withLock } from "../setup/lock.mjs";
import { ensureTools, type Tools } from "../setup/toolchain";
import { type BringUpContext, bringUp } from "./bring-up";
import { type Credentials, ensureCredentials } from "./credentials";
import type { OnStackEvent } from "./events";
import { readJson, writeJson } from "./json-file";
import { type Layout, layoutOf } from "./layout";
import { isOwn } from "./ownership";
import { PortBook } from "./ports";
import { ProcessRecords } from "./processes/records";
import { killProcess } from "./processes/stop";
import { bringServersUp, type Servers } from "./servers";
import { removePostgresFolder } from "./servers/postgres-home";
import { ensureSigningKey } from "./signing-key";
import {
  type PartName,
  type StackInfo,
  type StackStatus,
  type WorkerInfo,
  type WorkerName,
  workerNames,
} from "./stack-info";
import { statusOf } from "./status";
import { downOrder, takeDown } from "./take-down";
import { unlessAborted } from "./wait";
import { WORKERS, workerPart } from "./workers";

export interface StackOptions {
  /** The checkout whose code its workers run. @default the one that this file belongs to */
  root?: string;
  /** Where the stack keeps its state; another folder is another stack. @default `.belay` of this checkout */
  stateDir?: string;
  /** Which workers belong to it. @default all */
  workers?: Partial<Record<WorkerName, boolean>>;
  /** Further environment variables for its workers. */
  env?: Record<string, string>;
  /** Further environment variables for one worker. */
  workerEnv?: Partial<Record<WorkerName, Record<string, string>>>;
  onEvent?: OnStackEvent;
  /** Aborted: nothing further is started, stopped or waited for; what was started stays up. */
  signal?: AbortSignal;
}

/** One stack: servers and workers of one state folder. Nothing runs until `up`. */
export class Stack {
  readonly layout: Layout;
  private readonly root: string;
  private readonly emit: OnStackEvent;
  private readonly records: ProcessRecords;

  constructor(private readonly options: StackOptions = {}) {
    this.root = options.root ?? repositoryRoot();
    this.layout = layoutOf(resolve(options.stateDir ?? defaultStateDir(this.root)));
    this.emit = options.onEvent ?? (() => {});
    this.records = new ProcessRecords(this.layout.processes, this.layout.stateDir);
  }

  /** Starts what is not up, in order, and returns when all of it is. */
  up(): Promise<StackInfo> {
    return this.alone(async () => {
      const { servers, context, tools } = await this.serversUp();
      const started = await Promise.allSettled(
        this.workers().map((name) => this.workerUp(name, servers, context, tools)),
      );
      const workers = started.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
      const info = this.save({ ...servers, workers });
      for (const each of started) if (each.status === "rejected") throw each.reason;
      return info;
    });
  }

  /** Stops all processes of the stack; its data stays. */
  down(): Promise<void> {
    return this.alone(async () => {
      await takeDown(this.layout, this.records, this.emit, downOrder, this.options.signal);
      await rm(this.layout.stackFile, { force: true });
    });
  }

  /** Stops the stack and removes all that it holds. */
  async destroy(): Promise<void> {
    await this.down();
    removePostgresFolder(this.layout.postgres);
    await rm(this.layout.stateDir, { recursive: true, force: true });
  }

  /** The stack as it was last brought up; undefined when it is down. */
  load(): StackInfo | undefined {
    const saved = readJson<StackInfo & { stateDir?: string }>(this.layout.stackFile);
    if (saved === undefined) return undefined;
    const { stateDir, ...info } = saved;
    return isOwn(stateDir, this.layout.stateDir) ? info : undefined;
  }

  status(): Promise<StackStatus> {
    return statusOf(this.layout, this.records, this.load(), this.workers());
  }

  /** Starts one part that does not run; the servers are brought up with any of them. */
  start(name: PartName): Promise<StackInfo> {
    return this.alone(async () => {
      const { servers, context, tools } = await this.serversUp();
      const before = this.load()?.workers ?? [];
      if (!isWorker(name)) return this.save({ ...servers, workers: before });
      const worker = await this.workerUp(name, servers, context, tools);
      return this.save({ ...servers, workers: [...before.filter((each) => each.name !== name), worker] });
    });
  }

  /** Stops one part as `down` does. */
  stop(name: PartName): Promise<void> {
    return this.alone(() => takeDown(this.layout, this.records, this.emit, [name]));
  }

  /** SIGKILL to the process of a part, and nothing else: what it leaves behind stays. Returns its process id. */
  async kill(name: PartName): Promise<number> {
    const record = this.records.living(name);
    if (!record) throw new Error(`${name} does not run in the stack of ${this.layout.stateDir}`);
    await killProcess(record);
    return record.pid;
  }

  /** The process id of a part, while it runs. */
  pid(name: PartName): number | undefined {
    return this.records.living(name)?.pid;
  }

  private async serversUp(): Promise<{ servers: Servers; context: BringUpContext; tools: Tools }> {
    const step = (name: string) => (line: string) => this.emit({ type: "setup", step: name, line });
    const tools = await unlessAborted(ensureTools({ step }, this.root), this.options.signal);
    const credentials: Credentials = ensureCredentials(this.layout.credentials);
    ensureSigningKey(this.layout.signingKey);
    const ports = new PortBook(this.layout.ports);
    const { signal } = this.options;
    const context = { layout: this.layout, ports, records: this.records, emit: this.emit, signal };
    const servers = await bringServersUp(context, tools, credentials, belayHome());
    this.save({ ...servers, workers: this.load()?.workers ?? [] });
    return { servers, context, tools };
  }

  private async workerUp(
    name: WorkerName,
    servers: Servers,
    context: BringUpContext,
    tools: Tools,
  ): Promise<WorkerInfo> {
    const env = { ...this.options.env, ...this.options.workerEnv?.[name] };
    const part = workerPart(name, {
      root: this.root,
      python: tools.python,
      home: tools.home,
      layout: this.layout,
      servers,
      env,
    });
    const { pid } = await bringUp(part, context);
    return { name, taskQueue: WORKERS[name].taskQueue, pid };
  }

  private workers(): WorkerName[] {
    return workerNames.filter((name) => this.options.workers?.[name] ?? true);
  }

  private save(info: StackInfo): StackInfo {
    writeJson(this.layout.stackFile, { ...info, stateDir: this.layout.stateDir });
    return info;
  }

  private alone<T>(change: () => Promise<T>): Promise<T> {
    return withLock(this.layout.lock, change, {
      onWait: ({ pid }) => this.emit({ type: "waiting", pid }),
      signal: this.options.signal,
    });
  }
}

const isWorker = (name: PartName): name is WorkerName => (workerNames as readonly string[]).includes(name);
