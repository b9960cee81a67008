/** The parts of a stack, in the order in which they come up; they go down in the reverse one. */
export const serverNames = ["postgres", "minio", "temporal"] as const;
export const workerNames = ["kernel", "ml", "gpu"] as const;

export type ServerName = (typeof serverNames)[number];
export type WorkerName = (typeof workerNames)[number];
export type PartName = ServerName | WorkerName;
export const partNames: readonly PartName[] = [...serverNames, ...workerNames];

/** The content of stack.json. A pid of null: the server runs elsewhere, and its address was given to us. */
export interface StackInfo {
  temporal: { address: string; namespace: string; ui: string | null; pid: number | null };
  postgres: { url: string; optunaUrl: string; pid: number | null };
  s3: { endpoint: string; pid: number | null; bucket: string; accessKey: string; secretKey: string };
  workers: WorkerInfo[];
}

export interface WorkerInfo {
  name: WorkerName;
  taskQueue: string;
  pid: number;
}

export type PartState = "up" | "down" | "unhealthy" | "external";

export interface PartStatus {
  name: PartName;
  state: PartState;
  pid: number | null;
  /** Where its log is, for a part of our own. */
  log: string | null;
}

/** `stack` is null while none was ever brought up here; a part that is down has the pid null in it. */
export interface StackStatus {
  stack: Omit<StackInfo, "workers"> | null;
  workers: (Omit<WorkerInfo, "pid"> & { pid: number | null })[];
  parts: PartStatus[];
}
