import type { PendingWork } from "../../pending-work";

const IN_WORDS: Record<string, string> = {
  "spec.resolve": "checking the experiment and hashing its files",
  "dataset.analyze": "reading, splitting and tokenising the data set",
  "config.buildSearchSpace": "checking the search space against the model",
  "hpo.ask": "choosing the next trials",
  "hpo.selectBest": "choosing the best trial",
  "gpu.acquireSeat": "waiting for a free seat on an engine",
  "dispatch.prepare": "looking for checkpoints to go on from",
  "training.run": "training",
  "eval.run": "scoring",
  "eval.compare": "comparing the winner with the base",
  "merge.run": "merging the winner into the base",
  "artifact.publish": "publishing the adapter",
  "hub.push": "uploading to the hub",
  "manifest.write": "writing the manifest",
  "report.render": "drawing the report",
  "manifest.load": "reading the manifest",
  "reproducibility.hashes": "comparing every artifact with its hash",
  "reproducibility.record": "recording the verdict",
  "run.record": "recording the run",
  "trials.open": "recording the next trials",
  "trials.recordRung": "recording a rung",
  "trials.recordOutcome": "recording a trial's end",
  "trials.reconcile": "looking after trials that have not been heard of",
  "trace.append": "recording events",
  "trace.ingest": "storing the losses",
  "metrics.curve": "comparing the losses",
};

/** Whoever has it is a GPU worker; until one has, there is none, or none that answers. */
const SEAT = "gpu.acquireSeat";

const inWords = (activity: string): string => IN_WORDS[activity] ?? activity;

/** What a run has under way, in one line; retries say why, since they may need a person. */
export function describeWork(work: readonly PendingWork[]): string | null {
  const lines = work.map(({ activity, attempt, started, lastFailure }) => {
    const words = activity === SEAT && !started ? "waiting for a GPU worker" : inWords(activity);
    return attempt > 1 && lastFailure ? `${words} (attempt ${attempt}, after: ${lastFailure})` : words;
  });
  return lines.length > 0 ? [...new Set(lines)].join("; ") : null;
}

/** All that a trial has under way is to ask for a place on an engine. */
export const isQueued = (work: readonly PendingWork[]): boolean =>
  work.length > 0 && work.every(({ activity }) => activity === SEAT);

/** During the search: none of the open trials gets any further, for want of a GPU worker. */
export const standsStill = (work: readonly PendingWork[]): boolean =>
  work.some(({ activity, started }) => activity === SEAT && !started) && !work.some(({ started }) => started);

/** A worker takes a moment to answer: only what lasts is worth a line. */
const STANDSTILL_MS = 10_000;

export const describeStandstill = (lastsMs: number): string | null =>
  lastsMs >= STANDSTILL_MS ? "waiting for a GPU worker (npx belay up starts what is not up)" : null;

/** What failed last and is tried again, without the number of the attempt: that changes, the trouble does not. */
export function describeFailures(work: readonly PendingWork[]): string | null {
  const lines = retriedOnly(work).map(
    ({ activity, lastFailure }) => `${inWords(activity)} failed: ${lastFailure}`,
  );
  return lines.length > 0 ? [...new Set(lines)].join("; ") : null;
}

/** During the search the table says what is under way, so only what is being retried is worth a line. */
export const retriedOnly = (work: readonly PendingWork[]): PendingWork[] =>
  work.filter(({ attempt, lastFailure }) => attempt > 1 && lastFailure !== null);
