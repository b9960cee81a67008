/** Every task queue by name. An engine's own queue is `engineQueue(id)`; only `gpu.acquireSeat` answers with one. */
export const TaskQueues = {
  /** TypeScript: all workflows and the activities that touch Postgres, the object store and files. */
  kernel: "belay-kernel",
  /** Python without a GPU: dataset, config and HPO skills. */
  ml: "belay-ml",
  /** The shared pool that grants seats on engines. */
  gpuPool: "belay-gpu",
} as const;

export const engineQueue = (engineId: string): string => `${TaskQueues.gpuPool}-${engineId}`;
