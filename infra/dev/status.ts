import { logOf } from "./bring-up";
import type { Layout } from "./layout";
import { namespaceAnswers } from "./prepare/namespace";
import type { ProcessRecords } from "./processes/records";
import { isReady } from "./ready";
import { reachesHttp } from "./servers/http";
import { answers } from "./servers/postgres";
import type { PartName, PartStatus, StackInfo, StackStatus } from "./stack-info";
import { answerWithin } from "./wait";

const ANSWER_WITHIN_MS = 3000;

/** Looks at every part of a stack: whether its process lives, and whether it answers. */
export async function statusOf(
  layout: Layout,
  records: ProcessRecords,
  info: StackInfo | undefined,
): Promise<StackStatus> {
  if (!info) return { stack: null, workers: [], parts: [] };
  const { temporal, postgres, s3, workers } = info;
  const look = (name: PartName, isExternal: boolean, answer: () => Promise<boolean>) =>
    lookAt({ name, isExternal, answer, pid: records.living(name)?.pid, log: logOf(layout, name) });
  const parts = await Promise.all([
    look("postgres", postgres.pid === null, () => answers(postgres.url)),
    look("minio", s3.pid === null, () => reachesHttp(s3.endpoint)),
    look("temporal", temporal.pid === null, () => namespaceAnswers(temporal.address, temporal.namespace)),
    ...workers.map(({ name }) =>
      look(name, false, async () => isReady(layout, name, records.living(name)?.pid)),
    ),
  ]);
  const pidOf = (name: PartName) => parts.find((part) => part.name === name)?.pid ?? null;
  return {
    stack: {
      temporal: { ...temporal, pid: pidOf("temporal") },
      postgres: { ...postgres, pid: pidOf("postgres") },
      s3: { ...s3, pid: pidOf("minio") },
    },
    workers: workers.map((worker) => ({ ...worker, pid: pidOf(worker.name) })),
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
