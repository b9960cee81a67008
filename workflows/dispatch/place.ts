import { ApplicationFailure } from "@temporalio/common";
import type { JobSpec } from "../contracts/job-spec";
import { TaskQueues } from "../contracts/task-queues";

export interface Place {
  backend: "queue";
  reasons: string[];
}

type Wish = Pick<JobSpec, "placement"> & Partial<Pick<JobSpec, "resources">>;

/**
 * Where a job goes, and why. A pure function of the job alone: there is one pool. Throws where this version cannot
 * serve what is asked for, naming the key and what would be right.
 */
export function placeOf({ placement, resources }: Wish): Place {
  const { backend, host, labels } = placement;
  if (backend === "ssh" || backend === "local")
    throw refusal(
      "placement.backend",
      `${backend} is not available; accepted: queue (the pool of GPU workers)`,
    );
  if (host !== null)
    throw refusal(
      "placement.host",
      `'${host}' cannot be reached: a host needs the ssh backend, which is not available; leave it out`,
    );
  if (labels.length > 0) {
    const named = labels.map((label) => `'${label}'`).join(", ");
    throw refusal(
      "placement.labels",
      `no pool carries ${named}: there is one pool, ${TaskQueues.gpuPool}, and it has no labels; leave the list empty`,
    );
  }
  if (typeof resources?.gpuMemoryGiB === "number")
    throw refusal(
      "resources.gpuMemoryGiB",
      "no engine is chosen by its memory yet: a job goes to any that has a seat; leave it out",
    );
  const why =
    backend === "queue" ? "placement.backend is queue" : "no backend named: the pool serves every entrypoint";
  return { backend: "queue", reasons: [why] };
}

const refusal = (path: string, message: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(`${path}: ${message}`, "Unsupported");
