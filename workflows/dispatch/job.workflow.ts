import { CancellationScope } from "@temporalio/workflow";
import { TraceRecorder } from "../trace/recorder";
import { parseJob, runJob } from "./run-job";

/** A standalone job: the dispatcher and nothing else. */
export async function jobWorkflow(raw: unknown): Promise<unknown> {
  const job = parseJob(raw);
  const trace = new TraceRecorder(job.run);
  try {
    return await runJob(job, { onEvent: (event) => trace.add(event) });
  } finally {
    await CancellationScope.nonCancellable(() => trace.drain());
  }
}
