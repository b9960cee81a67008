import { logOf } from "./bring-up";
import type { Layout } from "./layout";
import { namespaceAnswers } from "./prepare/namespace";
import type { ProcessRecords } from "./processes/records";
import { isReady } from "./ready";
import { reachesHttp } from "./servers/http";
import { answers } from "./servers/postgres";
import type { PartName, PartStatus, StackInfo, StackStatus, WorkerName } from "./stack-info";
import { answerWithin } from "./wait";
import { WORKERS } from "./workers";

const ANSWER_WITHIN_MS = 3000;

/**
 * Looks at every part of a stack: whether its process lives, and whether it answers. Also at the workers that belong to
 * it and never came up: an `up` that was cut off has noted down no more than what it started.
 */
export async function statusOf(
  layout: Layout,
  records: ProcessRecords,
  info: StackInfo | undefined,
  workers: readonly WorkerName[],
): Promise<StackStatus> {
  if (!info) return { stack: null, workers: [], parts: [] };
  const { temporal, postgres, s3 } = info;
  const look = (name: PartName, isExternal: boolean, answer: () => Promise<boolean>) =>
    lookAt({ name, isExternal, answer, pid: records.living(name)?.pid, log: logOf(layout, name) });
  const parts = await Promise.all([
    look("postgres", postgres.pid === null, () => answers(postgres.url)),
    look("minio", s3.pid === null, () => reachesHttp(s3.endpoint)),
    look("temporal", temporal.pid === null, () => namespaceAnswers(temporal.address, temporal.namespace)),
    ...workers.map((name) => look(name, false, async () => isReady(layout, name, records.living(name)?.pid))),
  ]);
  const pidOf = (name: PartName) => parts.find((part) => part.name === name)?.pid ?? null;
  return {
    stack: {
      temporal: { ...temporal, pid: pidOf("temporal") },
      postgres: { ...postgres, pid: pidOf("postgres") },
      s3: { ...s3, pid: pidOf("minio") },
    },
    workers: workers.map((name) => ({ name, taskQueue: WORKERS[name].taskQueue, pid: pidOf(name) })),
    parts,
  };
}

interface Look {
  name: PartName;
  isExternal: boolean;
  answer: () => Promise<boolean>;
  pid: number | undefined;
  log: string;
}

async function lookAt({ name, isExternal, answer, pid, log }: Look): Promise<PartStatus> {
  if (!isExternal && pid === undefined) return { name, state: "down", pid: null, log };
  const doesAnswer = (await answerWithin(answer(), ANSWER_WITHIN_MS)) ?? false;
  if (isExternal) return { name, state: doesAnswer ? "external" : "unhealthy", pid: null, log: null };
  return { name, state: doesAnswer ? "up" : "unhealthy", pid: pid ?? null, log };
}
