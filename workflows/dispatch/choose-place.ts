import type { JobSpec } from "../contracts/job-spec";
import { TaskQueues } from "../contracts/task-queues";

export type Place =
  | { backend: "queue"; taskQueue: string; reasons: string[] }
  | { backend: "local"; taskQueue: string; reasons: string[] };

/** A placement that this version cannot serve. `path` names the key of the spec. */
export interface Refusal {
  backend: null;
  path: string;
  message: string;
}

type Wish = Pick<JobSpec, "placement" | "resources">;

/** Where a job goes, and why. A pure function of the job alone: there is one pool, and one kernel worker. */
export function choosePlace({ placement, resources }: Wish): Place | Refusal {
  if (placement.backend === "ssh") {
    return refuse(
      "placement.backend",
      "ssh is not available; accepted: queue (the pool of GPU workers), local (the kernel worker)",
    );
  }
  if (placement.host !== null) {
    return refuse(
      "placement.host",
      `'${placement.host}' cannot be reached: a host needs the ssh backend, which is not available; leave it out`,
    );
  }
  if (placement.labels.length > 0) {
    return refuse(
      "placement.labels",
      `no pool carries ${placement.labels.map((label) => `'${label}'`).join(", ")}: there is one pool, ${TaskQueues.gpuPool}, and it has no labels; leave the list empty`,
    );
  }
  if (placement.backend === "local") {
    return { backend: "local", taskQueue: TaskQueues.kernel, reasons: ["placement.backend is local"] };
  }
  const why =
    placement.backend === "queue"
      ? "placement.backend is queue"
      : "no backend named: the pool serves every entrypoint";
  const size =
    resources.gpuMemoryGiB === null ? [] : [`an engine with ${resources.gpuMemoryGiB} GiB is asked for`];
  return { backend: "queue", taskQueue: TaskQueues.gpuPool, reasons: [why, ...size] };
}

const refuse = (path: string, message: string): Refusal => ({ backend: null, path, message });

export const isRefused = (place: Place | Refusal): place is Refusal => place.backend === null;
