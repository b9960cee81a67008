import type {
  ArtifactRef,
  CheckpointRef,
  OpenTrial,
  ResolvedSpec,
  RungRecord,
  RunRecord,
  TraceEvent,
  TrialOutcome,
} from "../../../workflows/contracts";

/** What the laboratory's activities were asked to record, with the guarantees that a database would give. */
export class Records {
  readonly specs = new Map<string, ResolvedSpec["spec"]>();
  readonly runs = new Map<string, RunRecord[]>();
  readonly trials = new Map<string, OpenTrial & { outcome: TrialOutcome | null; ordinal: number | null }>();
  readonly rungs: RungRecord[] = [];
  readonly trace = new Map<string, TraceEvent>();
  readonly epochs = new Map<string, number>();
  readonly checkpoints = new Map<string, CheckpointRef[]>();
  /** Losses shipped by verifications, one step a segment; those that were ingested can be read. */
  readonly segments: { run: string; subject: string; step: number; ref: ArtifactRef }[] = [];
  readonly ingested = new Set<string>();
  readonly mirrored: number[] = [];
  /** Names of all activities called, in order. */
  readonly calls: { name: string; input: unknown }[] = [];

  trialId = (run: string, trial: number): string => `${run}/trial-${trial}`;

  ofRun(run: string) {
    return [...this.trials.values()]
      .filter((row) => row.workflowId.startsWith(`${run}/`))
      .sort((a, b) => a.trial - b.trial);
  }

  lastOf(run: string): RunRecord {
    const records = this.runs.get(run) ?? [];
    return records[records.length - 1] as RunRecord;
  }

  endStates(run: string): string[] {
    return this.ofRun(run).map((row) => row.outcome?.state ?? "open");
  }

  /** Ordinals in order; a search must number its tells 0, 1, 2, ... without a gap. */
  ordinals(run: string): number[] {
    return this.ofRun(run)
      .flatMap((row) => (row.ordinal === null ? [] : [row.ordinal]))
      .sort((a, b) => a - b);
  }

  count(name: string): number {
    return this.calls.filter((call) => call.name === name).length;
  }
}
