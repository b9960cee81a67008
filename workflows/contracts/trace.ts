import { z } from "zod";

/**
 * One event of the trace WAL. `seq` rises by one per source; (run, source, seq) is unique for ever. In a segment each
 * line is `<crc> <json>\n`: the CRC-32 of the JSON's UTF-8 bytes as 8 lower-case hex digits, a space, the event.
 * Segments lie at `runs/<run>/wal/<source>/<first seq, 12 digits>.jsonl` and hold events of that run only.
 */
export const TraceEvent = z
  .object({
    run: z.string(),
    /** Who wrote it: `<workflow id>@<first run id>` or `<engine id>.<boot id>`. */
    source: z.string(),
    seq: z.int().nonnegative(),
    /** RFC 3339, UTC. */
    at: z.string(),
    /** The job's subject, e.g. `<run>/trial-3`; null for events of the run itself. Metrics are keyed by it. */
    subject: z.string().nullable(),
    epoch: z.int().nonnegative().nullable(),
    kind: z.string(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "TraceEvent" });
export type TraceEvent = z.infer<typeof TraceEvent>;

/**
 * Kinds written by a trainer. `metrics` rows become rows of the table `metrics`; `resumed` supersedes the rows of
 * earlier epochs beyond its step.
 */
export const trainerEvents = {
  resumed: "trial.resumed", // data: {fromStep}
  metrics: "trial.metrics", // data: {step, values: {name: number}}; names train_loss, learning_rate, grad_norm, eval_*
  checkpoint: "trial.checkpoint", // data: {step, manifest}
  diverged: "trial.diverged", // data: {step}
  parked: "trial.parked",
  left: "trial.left", // data: {step, reason}
  /**
   * Once per run and source, before the first trial event: what the engine runs on. data: {device, deviceName,
   * computeCapability, cpu, versions: {python, torch, transformers, peft, cuda, cudnn, driver}}.
   */
  environment: "engine.environment",
  /** Once per run, source and base of the hub. data: {model, revision, files: {path: SHA-256}}. */
  base: "engine.base",
} as const;
