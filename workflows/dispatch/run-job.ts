import { ApplicationFailure, CancellationScope, sleep } from "@temporalio/workflow";
import type { CheckpointRef } from "../contracts/artifact";
import { type JobContext, JobSpec, type SeatGrant } from "../contracts/job-spec";
import { database, engine } from "../proxies";
import { attemptsAfter, backoff } from "../reliability/backoff";
import { afterCrash, crashesEngine, mustRunAlone, noCrashes } from "../reliability/crashes";
import { classifyFailure, type JobFailure } from "../reliability/failures";
import { type NewEvent, workflowEvents } from "../trace/buffer";
import { baseKey } from "./base-key";
import { newDispatchName } from "./dispatch-name";
import { placeOf } from "./place";
import { SeatSession } from "./seat-session";

export interface JobOptions {
  /** Shared with the jobs before and after this one; else the job has a seat of its own. */
  session?: SeatSession;
  /** Another job follows on the same seat. */
  keepSeat?: boolean;
  /** Shown in the Temporal UI. */
  summary?: string;
  onEvent?: (event: NewEvent) => void;
  /** A checkpoint has become the subject's newest, also one that a lost engine has left. */
  onCheckpoint?: (checkpoint: CheckpointRef) => void;
  /** An attempt has failed on which an engine had worked for so long. */
  onFailed?: (gpuSeconds: number) => void;
}

/**
 * Runs one job wherever its spec allows, to its end. Everything that leaves the process goes through here. An engine
 * that dies is replaced, with a new epoch, for as long as the job itself is not the cause.
 */
export async function runJob<Output>(job: JobSpec, options: JobOptions = {}): Promise<Output> {
  const { backend, reasons } = placeOf(job);
  const data = { entrypoint: job.entrypoint, backend, reasons };
  options.onEvent?.({ kind: workflowEvents.placed, subject: job.subject, data });
  return runOnEngine(job, options);
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
    const dispatched = await dispatch<Output>(job, session, options);
    if ("output" in dispatched) return dispatched.output;
    if (dispatched.kind === "engineLost") continue;
    // Only transient failures come here.
    const { type, message } = dispatched;
    options.onEvent?.({
      kind: workflowEvents.retried,
      subject: job.subject,
      data: { entrypoint: job.entrypoint, attempt, type, message },
    });
    if (attempt >= attemptsAfter(type)) throw ApplicationFailure.nonRetryable(message, type);
    await sleep(backoff(attempt), { summary: `before attempt ${attempt + 1} of ${job.entrypoint}` });
    attempt += 1;
  }
}

type EngineLost = Extract<JobFailure, { kind: "engineLost" }>;
type Retryable = EngineLost | Extract<JobFailure, { kind: "transient" }>;

/** One dispatch: a seat, an epoch, the activity, the commit. Throws what no retry can mend. */
async function dispatch<Output>(
  job: JobSpec,
  session: SeatSession,
  options: JobOptions,
): Promise<{ output: Output } | Retryable> {
  const exclusive = mustRunAlone(session.crashes);
  let context: JobContext | null = null;
  let answered: { gpuSeconds?: number } | null = null;
  try {
    const seat = await session.acquire(exclusive);
    context = await prepare(job, session, seat, options.keepSeat !== true);
    const data = { entrypoint: job.entrypoint, engine: seat.engineId, exclusive };
    options.onEvent?.({ kind: workflowEvents.dispatched, subject: job.subject, epoch: context.epoch, data });
    const input = { ...job.params, job: context };
    const activities = engine(seat.taskQueue, job.timeoutSeconds);
    const output = (await activities[job.entrypoint].executeWithOptions(
      { summary: options.summary ?? job.subject },
      [input as never],
    )) as Output;
    answered = output as { gpuSeconds?: number };
    const { checkpoint = null } = output as { checkpoint?: CheckpointRef | null };
    if (!job.checkpoint || isNewer(checkpoint, context, job)) session.crashes = noCrashes;
    if (options.keepSeat !== true) session.forget();
    await commit(job, checkpoint, options);
    return { output };
  } catch (error) {
    const failure = classifyFailure(error);
    if (failure.kind !== "cancelled") options.onFailed?.(answered?.gpuSeconds ?? failure.gpuSeconds);
    if (failure.kind === "engineLost") {
      await noteCrash(job, session, context, failure, options);
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
  const { run, subject, chain } = job;
  const { targetStep: maxStep } = job.params as { targetStep?: number };
  const prepared = await database["dispatch.prepare"]({
    run,
    subject,
    chain,
    dispatch: newDispatchName(),
    maxStep,
  });
  session.epoch = prepared.epoch;
  return { ...context, epoch: prepared.epoch, resumeFrom: job.checkpoint ? prepared.resumeFrom : [] };
}

/** The job has made a checkpoint beyond the one that it went on from: the newest that is not beyond its target. */
function isNewer(checkpoint: CheckpointRef | null, context: JobContext | null, { params }: JobSpec): boolean {
  const { targetStep = Number.POSITIVE_INFINITY } = params as { targetStep?: number };
  const from = context?.resumeFrom.find(({ step }) => step <= targetStep)?.step ?? 0;
  return checkpoint !== null && checkpoint.step > from;
}

/** `context` is null where the job had not got as far as to be dispatched. */
async function noteCrash(
  job: JobSpec,
  session: SeatSession,
  context: JobContext | null,
  failure: EngineLost,
  options: JobOptions,
): Promise<void> {
  const { silent, checkpoint } = failure;
  const resident = failure.resident && context !== null;
  const progress = isNewer(checkpoint, context, job);
  const exclusive = session.isExclusive;
  session.crashes = afterCrash(session.crashes, { resident, silent, exclusive, progress });
  session.forget();
  options.onEvent?.({
    kind: workflowEvents.lost,
    subject: job.subject,
    epoch: context?.epoch ?? null,
    data: {
      entrypoint: job.entrypoint,
      engine: context?.seat?.engineId ?? null,
      resident,
      crashes: session.crashes.resident,
      message: failure.message,
    },
  });
  await commit(job, checkpoint, options).catch(
    // The store is listed again before the next dispatch; a commit that fails here loses nothing.
    () => undefined,
  );
  if (crashesEngine(session.crashes)) {
    throw ApplicationFailure.nonRetryable(
      `${job.subject} brought down its engine ${session.crashes.resident} times without getting any further, the last time while it ran alone`,
      "CrashesEngine",
    );
  }
}

/** Moves the subject's newest-checkpoint pointer; also while being cancelled, since a pause resumes from there. */
async function commit(
  job: JobSpec,
  checkpoint: CheckpointRef | null,
  { onCheckpoint }: JobOptions,
): Promise<void> {
  if (!job.checkpoint || checkpoint === null) return;
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
  onCheckpoint?.(checkpoint);
}

/** Parses what a person may have written by hand; one message lists every problem. */
export function parseJob(raw: unknown): JobSpec {
  const parsed = JobSpec.safeParse(raw);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".") || "job"}: ${issue.message}`);
  throw ApplicationFailure.nonRetryable(problems.join("; "), "InvalidSpec");
}
