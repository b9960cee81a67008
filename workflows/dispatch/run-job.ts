import { ActivityFailure, ApplicationFailure, CancellationScope, sleep } from "@temporalio/workflow";
import type { CheckpointRef } from "../contracts/artifact";
import { type JobContext, JobSpec, type SeatGrant } from "../contracts/job-spec";
import { database, engine, localEntrypoints } from "../proxies";
import { backoff, transientAttempts } from "../reliability/backoff";
import { afterCrash, crashesEngine, mustRunAlone } from "../reliability/crashes";
import { classifyFailure, type JobFailure } from "../reliability/failures";
import type { NewEvent } from "../trace/buffer";
import { workflowEvents } from "../trace/buffer";
import { baseKey } from "./base-key";
import { choosePlace, isRefused } from "./choose-place";
import { SeatSession } from "./seat-session";

export interface JobOptions {
  /** Shared with the jobs before and after this one; else the job has a seat of its own. */
  session?: SeatSession;
  /** Another job follows on the same seat. */
  keepSeat?: boolean;
  /** Shown in the Temporal UI. */
  summary?: string;
  onEvent?: (event: NewEvent) => void;
}

/**
 * Runs one job wherever its spec allows, to its end. Everything that leaves the process goes through here. An engine
 * that dies is replaced, with a new epoch, for as long as the job itself is not the cause.
 */
export async function runJob<Output>(job: JobSpec, options: JobOptions = {}): Promise<Output> {
  const place = choosePlace(job);
  if (isRefused(place))
    throw ApplicationFailure.nonRetryable(`${place.path}: ${place.message}`, "Unsupported");
  const data = { entrypoint: job.entrypoint, backend: place.backend, reasons: place.reasons };
  options.onEvent?.({ kind: workflowEvents.placed, subject: job.subject, data });
  return place.backend === "local" ? runLocally(job, options) : runOnEngine(job, options);
}

export const sessionFor = (job: Pick<JobSpec, "run" | "subject" | "params" | "resources">): SeatSession =>
  new SeatSession({
    run: job.run,
    subject: job.subject,
    base: baseKey(job.params),
    gpuMemoryGiB: job.resources.gpuMemoryGiB,
  });

async function runOnEngine<Output>(job: JobSpec, options: JobOptions): Promise<Output> {
  const session = options.session ?? sessionFor(job);
  for (let attempt = 1; ; ) {
    const failure = await dispatch<Output>(job, session, options);
    if ("output" in failure) return failure.output;
    if (failure.kind === "engineLost") continue;
    // Only transient failures come here.
    options.onEvent?.({
      kind: workflowEvents.retried,
      subject: job.subject,
      data: { entrypoint: job.entrypoint, attempt, type: failure.type, message: failure.message },
    });
    if (attempt >= transientAttempts) throw ApplicationFailure.nonRetryable(failure.message, failure.type);
    await sleep(backoff(attempt), { summary: `before attempt ${attempt + 1} of ${job.entrypoint}` });
    attempt += 1;
  }
}

type Retryable = Extract<JobFailure, { kind: "engineLost" } | { kind: "transient" }>;

/** One dispatch: a seat, an epoch, the activity, the commit. Throws what no retry can mend. */
async function dispatch<Output>(
  job: JobSpec,
  session: SeatSession,
  options: JobOptions,
): Promise<{ output: Output } | Retryable> {
  const exclusive = mustRunAlone(session.crashes);
  let seat: SeatGrant | null = null;
  try {
    seat = await session.acquire(exclusive);
    const context = await prepare(job, session, seat, options.keepSeat !== true);
    const data = { entrypoint: job.entrypoint, engine: seat.engineId, exclusive };
    options.onEvent?.({ kind: workflowEvents.dispatched, subject: job.subject, epoch: context.epoch, data });
    const input = { ...job.params, job: context };
    const activities = engine(seat.taskQueue, job.timeoutSeconds);
    const output = (await activities[job.entrypoint].executeWithOptions(
      { summary: options.summary ?? job.subject },
      [input as never],
    )) as Output;
    if (options.keepSeat !== true) session.forget();
    await commit(job, (output as { checkpoint?: CheckpointRef | null }).checkpoint);
    return { output };
  } catch (error) {
    const failure = classifyFailure(error);
    if (failure.kind === "engineLost") {
      await noteCrash(job, session, seat, failure, options);
      return failure;
    }
    await session.release();
    if (failure.kind === "transient") return failure;
    if (failure.kind === "permanent") throw ApplicationFailure.nonRetryable(failure.message, failure.type);
    throw error;
  }
}

/**
 * A job that writes checkpoints is fenced by an epoch of its own; one that follows it on the same seat and writes none
 * belongs to the same dispatch.
 */
async function prepare(
  job: JobSpec,
  session: SeatSession,
  seat: SeatGrant,
  releaseSeat: boolean,
): Promise<JobContext> {
  const context = { run: job.run, subject: job.subject, seat, releaseSeat };
  if (!job.checkpoint && session.epoch !== null) return { ...context, epoch: session.epoch, resumeFrom: [] };
  const prepared = await database["dispatch.prepare"]({ run: job.run, subject: job.subject });
  session.epoch = prepared.epoch;
  return { ...context, epoch: prepared.epoch, resumeFrom: job.checkpoint ? prepared.resumeFrom : [] };
}

async function noteCrash(
  job: JobSpec,
  session: SeatSession,
  seat: SeatGrant | null,
  failure: Extract<JobFailure, { kind: "engineLost" }>,
  options: JobOptions,
): Promise<void> {
  session.crashes = afterCrash(session.crashes, {
    resident: failure.resident,
    exclusive: session.isExclusive,
  });
  const epoch = session.epoch;
  session.forget();
  options.onEvent?.({
    kind: workflowEvents.lost,
    subject: job.subject,
    epoch,
    data: {
      entrypoint: job.entrypoint,
      engine: seat?.engineId ?? null,
      resident: failure.resident,
      crashes: session.crashes.resident,
      message: failure.message,
    },
  });
  await commit(
    job,
    (failure.heartbeat as { checkpoint?: CheckpointRef | null } | undefined)?.checkpoint,
  ).catch(
    // The store is listed again before the next dispatch; a commit that fails here loses nothing.
    () => undefined,
  );
  if (crashesEngine(session.crashes)) {
    throw ApplicationFailure.nonRetryable(
      `${job.subject} brought down its engine ${session.crashes.resident} times, the last time while it ran alone`,
      "CrashesEngine",
    );
  }
}

/** Moves the subject's newest-checkpoint pointer; also while being cancelled, since a pause resumes from there. */
async function commit(job: JobSpec, checkpoint: CheckpointRef | null | undefined): Promise<void> {
  if (!job.checkpoint || checkpoint === null || checkpoint === undefined) return;
  const save = job.params.save as { save_total_limit?: number } | undefined;
  const { accepted } = await CancellationScope.nonCancellable(() =>
    database["checkpoint.commit"]({
      run: job.run,
      subject: job.subject,
      checkpoint,
      keep: save?.save_total_limit ?? 2,
    }),
  );
  if (!accepted)
    throw ApplicationFailure.nonRetryable(`${job.subject} was dispatched again meanwhile`, "StaleEpoch");
}

async function runLocally<Output>(job: JobSpec, options: JobOptions): Promise<Output> {
  const prepared = await database["dispatch.prepare"]({ run: job.run, subject: job.subject });
  const context: JobContext = {
    run: job.run,
    subject: job.subject,
    epoch: prepared.epoch,
    resumeFrom: job.checkpoint ? prepared.resumeFrom : [],
    seat: null,
    releaseSeat: false,
  };
  try {
    const activities = localEntrypoints(job.timeoutSeconds);
    const input = { ...job.params, job: context };
    return (await activities[job.entrypoint].executeWithOptions({ summary: options.summary ?? job.subject }, [
      input as never,
    ])) as Output;
  } catch (error) {
    const failure = classifyFailure(error);
    if (failure.kind === "cancelled" || failure.kind === "engineLost") throw error;
    if (isNotRegistered(error)) {
      throw ApplicationFailure.nonRetryable(
        `placement.backend: local has no handler for ${job.entrypoint} in the kernel worker; use queue`,
        "Unsupported",
      );
    }
    throw ApplicationFailure.nonRetryable(failure.message, failure.type);
  }
}

/** What a worker says of an activity that it does not have. */
const isNotRegistered = (error: unknown): boolean =>
  error instanceof ActivityFailure &&
  error.cause instanceof ApplicationFailure &&
  error.cause.type === "NotFoundError";

/** Parses what a person may have written by hand; one message lists every problem. */
export function parseJob(raw: unknown): JobSpec {
  const parsed = JobSpec.safeParse(raw);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".") || "job"}: ${issue.message}`);
  throw ApplicationFailure.nonRetryable(problems.join("; "), "InvalidSpec");
}
