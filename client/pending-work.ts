import type { Client, WorkflowExecutionDescription } from "@temporalio/client";
import type { Payload } from "@temporalio/common";
import type { temporal } from "@temporalio/proto";
import { TrainingHeartbeat } from "../workflows/contracts";

/** An activity that has not ended yet. */
export interface PendingWork {
  activity: string;
  /** Counts from 1; more than 1 means that it failed before and is being retried. */
  attempt: number;
  /** Whether a worker has it; else it waits for one, or for its next attempt. */
  started: boolean;
  lastFailure: string | null;
  /** Of `training.run`: where the trial is. */
  training: TrainingHeartbeat | null;
}

const STARTED = 2; // PENDING_ACTIVITY_STATE_STARTED

export async function pendingWork(
  description: WorkflowExecutionDescription,
  client: Client,
): Promise<PendingWork[]> {
  const pending = description.raw.pendingActivities ?? [];
  return Promise.all(
    pending.map(async (each) => ({
      activity: each.activityType?.name ?? "",
      attempt: each.attempt ?? 1,
      started: each.state === STARTED,
      lastFailure: messageOf(each.lastFailure),
      training: await trainingOf(client, each.heartbeatDetails?.payloads ?? []),
    })),
  );
}

/** Temporal keeps little of a failure that is retried, and puts what it has kept of a large one below this message. */
const TOO_LARGE = "Failure exceeds size limit.";

const messageOf = (failure: temporal.api.failure.v1.IFailure | null | undefined): string | null =>
  (failure?.message === TOO_LARGE ? failure.cause?.message : failure?.message) ?? null;

async function trainingOf(client: Client, encoded: Payload[]): Promise<TrainingHeartbeat | null> {
  if (encoded.length === 0) return null;
  const { payloadCodecs, payloadConverter } = client.options.loadedDataConverter;
  let payloads = encoded;
  for (const codec of [...payloadCodecs].reverse()) payloads = await codec.decode(payloads);
  const [payload] = payloads;
  const parsed = TrainingHeartbeat.safeParse(payload && payloadConverter.fromPayload(payload));
  // Other activities heartbeat other things.
  return parsed.success ? parsed.data : null;
}
