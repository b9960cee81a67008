import { join } from "node:path";
import { isAlive } from "../setup/process-identity.mjs";
import { PartFailed } from "./errors";
import type { OnStackEvent } from "./events";
import type { Layout } from "./layout";
import type { Part, Ports } from "./part";
import type { PortBook } from "./ports";
import { type Launch, launchDaemon } from "./processes/daemon";
import { TAG_VARIABLE, taggedProcesses, tagOf, thoseThatRun } from "./processes/leftovers";
import { stopManners } from "./processes/manner";
import { fingerprintOf, type ProcessRecord, type ProcessRecords } from "./processes/records";
import { stopProcess } from "./processes/stop";
import { waitUntil } from "./wait";

export interface BringUpContext {
  layout: Layout;
  ports: PortBook;
  records: ProcessRecords;
  emit: OnStackEvent;
  /** Aborted: nothing further is started or waited for. */
  signal?: AbortSignal;
}

export interface Running {
  pid: number;
  ports: Ports;
}

/** A server may end at once because somebody took its port in between; then it is tried on another. */
const START_ATTEMPTS = 5;

export const logOf = (layout: Layout, name: string) => join(layout.logs, `${name}.log`);

/** Sees to it that a part runs as it should; starts it, or starts it anew, where it does not. */
export async function bringUp(part: Part, context: BringUpContext): Promise<Running> {
  context.signal?.throwIfAborted();
  const kept = await keepRunning(part, context);
  if (kept) return kept;
  await stopStrays(part, context);
  const startedAt = performance.now();
  context.emit({ type: "starting", part: part.name });
  await part.before?.(context.signal);
  for (let attempt = 1; ; attempt++) {
    const ports = await takePorts(part, context.ports);
    context.signal?.throwIfAborted();
    const record = await start(part, ports, context);
    const outcome = await untilHealthy(part, ports, record, context.signal);
    if (outcome === "healthy") {
      const seconds = (performance.now() - startedAt) / 1000;
      context.emit({ type: "ready", part: part.name, seconds, address: part.address(ports) });
      return { pid: record.pid, ports };
    }
    if (outcome === "ended" && part.portNames.length > 0 && attempt < START_ATTEMPTS) continue;
    await stopProcess(record, stopManners[part.name]);
    const what =
      outcome === "ended"
        ? "ends as soon as it is started"
        : `is not up after ${part.startWithinMs / 1000} s`;
    throw new PartFailed(part.name, what, logOf(context.layout, part.name));
  }
}

/** The part as it runs, if it runs as it should; else it is not running when this returns. */
async function keepRunning(part: Part, context: BringUpContext): Promise<Running | undefined> {
  const record = context.records.living(part.name);
  if (!record) return undefined;
  const ports = rememberedPorts(part, context.ports);
  const isCurrent = ports !== undefined && fingerprint(part, ports, context) === record.fingerprint;
  // One that was started a moment ago, by an `up` that was interrupted, may still be on its way.
  if (isCurrent && (await untilHealthy(part, ports, record, context.signal)) === "healthy") {
    context.emit({ type: "alreadyUp", part: part.name, address: part.address(ports) });
    return { pid: record.pid, ports };
  }
  const reason = isCurrent ? "it does not answer" : "its settings or its code changed";
  context.emit({ type: "restarting", part: part.name, reason });
  await stopProcess(record, stopManners[part.name]);
  return undefined;
}

/** Ends what an `up` started that was cut off before it could note it down. Children of a lost part end by themselves. */
async function stopStrays(part: Part, { layout, ports }: BringUpContext): Promise<void> {
  const { command, args } = part.launch(rememberedPorts(part, ports) ?? {});
  // Servers may have been started on other ports; of workers, the arguments tell one from its children.
  const words = part.portNames.length > 0 ? [command] : [command, ...args];
  const strays = thoseThatRun(taggedProcesses(tagOf(layout.stateDir, part.name)), words);
  for (const stray of strays) await stopProcess(stray, stopManners[part.name]);
}

async function start(part: Part, ports: Ports, context: BringUpContext): Promise<ProcessRecord> {
  const launch = tagged(part, ports, context);
  const identity = await launchDaemon(launch, logOf(context.layout, part.name));
  const command = [launch.command, ...launch.args].join(" ");
  const record = { ...identity, fingerprint: fingerprint(part, ports, context), command };
  context.records.write(part.name, record);
  return record;
}

async function untilHealthy(
  part: Part,
  ports: Ports,
  record: ProcessRecord,
  signal: AbortSignal | undefined,
): Promise<"healthy" | "ended" | "late"> {
  let healthy = false;
  const settled = await waitUntil(async () => {
    signal?.throwIfAborted();
    healthy = await part.isHealthy(ports, record.pid);
    return healthy || !isAlive(record);
  }, part.startWithinMs);
  if (!settled) return "late";
  // An answer on the port proves nothing when our own process is gone: somebody else has the port then.
  return healthy && isAlive(record) ? "healthy" : "ended";
}

function tagged(part: Part, ports: Ports, { layout }: BringUpContext): Launch {
  const launch = part.launch(ports);
  return { ...launch, env: { ...launch.env, [TAG_VARIABLE]: tagOf(layout.stateDir, part.name) } };
}

function fingerprint(part: Part, ports: Ports, context: BringUpContext): string {
  return fingerprintOf(tagged(part, ports, context), part.code?.());
}

async function takePorts(part: Part, book: PortBook): Promise<Ports> {
  const ports: Record<string, number> = {};
  for (const name of part.portNames) ports[name] = await book.take(`${part.name}.${name}`);
  return ports;
}

export function rememberedPorts(part: Part, book: PortBook): Ports | undefined {
  const ports: Record<string, number> = {};
  for (const name of part.portNames) {
    const port = book.remembered(`${part.name}.${name}`);
    if (port === undefined) return undefined;
    ports[name] = port;
  }
  return ports;
}
