import { setTimeout as delay } from "node:timers/promises";
import { Client, Connection } from "@temporalio/client";
import pg from "pg";
import { type ExperimentInput, TaskQueues, WorkflowTypes } from "../../../workflows/contracts";
import { cpuSeconds } from "../process-cpu";
import type { BenchStack } from "./bench-stack";

/** How far a run had come at one moment. */
export interface Sample {
  trials: number;
  seconds: number;
  cpuSeconds: number;
}

export interface Measurement {
  trials: number;
  seconds: number;
  cpuSeconds: number;
  /** CPU seconds by process. */
  cpuBy: Record<string, number>;
  samples: Sample[];
  /** Bytes that each continue-as-new carried over, in order. */
  carriedBytes: number[];
}

const concurrent = 8;
const sampleEveryMs = 500;

/** One search of this many trials, whose every body is empty; timed from its start to the end of its last trial. */
export async function measureBelay(stack: BenchStack, trials: number): Promise<Measurement> {
  const { temporal, postgres } = stack.info;
  const connection = await Connection.connect({ address: temporal.address });
  const db = new pg.Client({ connectionString: postgres.url });
  await db.connect();
  try {
    const client = new Client({ connection, namespace: temporal.namespace });
    const run = `bench-${trials}-${Date.now()}`;
    const before = cpuBy(stack);
    const startedAt = performance.now();
    const handle = await client.workflow.start(WorkflowTypes.experiment, {
      taskQueue: TaskQueues.kernel,
      workflowId: run,
      args: [experiment(trials)],
    });
    const samples: Sample[] = [];
    const failed = handle.result().then(
      () => undefined,
      (error: Error) => error,
    );
    for (let last = 0; last < trials; ) {
      const error = await Promise.race([failed, delay(sampleEveryMs, null)]);
      last = await endedTrials(db, run);
      const seconds = (performance.now() - startedAt) / 1000;
      samples.push({ trials: last, seconds, cpuSeconds: total(cpuBy(stack)) - total(before) });
      if (error && last < trials) throw new Error(`the run ended after ${last} trials: ${describe(error)}`);
    }
    const end = samples.at(-1) as Sample;
    const error = await failed;
    if (error) throw new Error(`the run did not complete: ${describe(error)}`);
    const after = cpuBy(stack);
    const used = Object.fromEntries(
      Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]),
    );
    return { ...end, trials, cpuBy: used, samples, carriedBytes: await carriedBytes(client, run) };
  } finally {
    await db.end();
    await connection.close();
  }
}

const cpuBy = ({ processes }: BenchStack): Record<string, number> =>
  Object.fromEntries(Object.entries(processes).map(([name, pid]) => [name, cpuSeconds(pid)]));

const total = (by: Record<string, number>): number =>
  Object.values(by).reduce((sum, value) => sum + value, 0);

const describe = (error: Error): string =>
  `${error.message} (${(error.cause as Error | undefined)?.message ?? "no cause"})`;

function experiment(trials: number): ExperimentInput {
  return {
    name: "bench",
    model: { model_name_or_path: "/none" },
    dataset: { path: "/none" },
    train: { max_steps: 1 },
    search: {
      sampler: "random",
      num_trials: trials,
      max_concurrent_trials: concurrent,
      space: { learning_rate: { loguniform: [1e-4, 1e-1] } },
    },
    eval: { metrics: ["eval_loss"] },
  };
}

async function endedTrials(db: pg.Client, run: string): Promise<number> {
  const text = "SELECT count(*)::int AS n FROM trials WHERE run = $1 AND state = 'completed'";
  const { rows } = await db.query<{ n: number }>(text, [run]);
  return rows[0]?.n ?? 0;
}

/** What each execution of the run's chain, but the first, was started with. */
async function carriedBytes(client: Client, run: string): Promise<number[]> {
  const sizes: { at: number; bytes: number }[] = [];
  for await (const { runId, startTime } of client.workflow.list({ query: `WorkflowId = '${run}'` })) {
    const { history } = await client.workflowService.getWorkflowExecutionHistory({
      namespace: client.options.namespace,
      execution: { workflowId: run, runId },
      maximumPageSize: 1,
    });
    const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
    const payload = started?.input?.payloads?.[1]?.data;
    if (started?.continuedExecutionRunId && payload)
      sizes.push({ at: startTime.getTime(), bytes: payload.length });
  }
  return sizes.sort((a, b) => a.at - b.at).map(({ bytes }) => bytes);
}
