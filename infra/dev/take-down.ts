import type { OnStackEvent } from "./events";
import type { Layout } from "./layout";
import { taggedProcesses, tagOf } from "./processes/leftovers";
import { stopManners } from "./processes/manner";
import type { ProcessRecords } from "./processes/records";
import { killProcess, stopProcess } from "./processes/stop";
import { type PartName, partNames } from "./stack-info";

/** Workers leave before the servers that they write to; each part in the reverse of its coming up. */
export const downOrder: readonly PartName[] = [...partNames].reverse();

/** Stops the parts that run, and what they left behind when they were killed. */
export async function takeDown(
  layout: Layout,
  records: ProcessRecords,
  emit: OnStackEvent,
  only: readonly PartName[] = downOrder,
  signal?: AbortSignal,
): Promise<void> {
  for (const part of downOrder.filter((name) => only.includes(name))) {
    signal?.throwIfAborted();
    await stopRecorded(part, records, emit);
    await killLeftovers(part, layout);
    records.remove(part);
  }
}

async function stopRecorded(part: PartName, records: ProcessRecords, emit: OnStackEvent): Promise<void> {
  const record = records.living(part);
  if (!record) return;
  emit({ type: "stopping", part });
  const how = await stopProcess(record, stopManners[part]);
  emit({ type: "stopped", part, how });
}

async function killLeftovers(part: PartName, layout: Layout): Promise<void> {
  await Promise.all(taggedProcesses(tagOf(layout.stateDir, part)).map(killProcess));
}
