import type { Belay } from "../belay";
import type { Deployment } from "./deployment";
import { Records, type RunRecordRow } from "./records";

export interface KnownRun {
  run: string;
  state: string;
  /** RFC 3339, UTC. */
  startedAt: string;
  endedAt: string | null;
}

const LIMIT = 100;

/** Runs newest first: those that Temporal has, and those that only the record still knows. */
export async function knownRuns(belay: Belay, { postgres }: Deployment): Promise<KnownRun[]> {
  const [live, recorded] = await Promise.all([
    belay.list(LIMIT),
    postgres.url ? recordedRuns(postgres.url) : [],
  ]);
  const byId = new Map<string, RunRecordRow>();
  for (const each of [...recorded, ...live]) byId.set(each.run, each);
  return [...byId.values()]
    .sort((a, b) => b.startedAt.getTime() - a.startedAt.getTime())
    .slice(0, LIMIT)
    .map(({ run, state, startedAt, endedAt }) => ({
      run,
      state,
      startedAt: startedAt.toISOString(),
      endedAt: endedAt?.toISOString() ?? null,
    }));
}

/** A list without the oldest runs is better than none, while Postgres is away. */
const recordedRuns = (url: string): Promise<RunRecordRow[]> =>
  Records.use(url, (records) => records.runs(LIMIT)).catch(() => []);
