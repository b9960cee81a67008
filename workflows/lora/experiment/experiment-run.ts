import { setCurrentDetails, upsertSearchAttributes, workflowInfo } from "@temporalio/workflow";
import type { RunRecord } from "../../contracts/activities";
import type { RunStatus, StageName, TrialRow } from "../../contracts/messages";
import type { ResolvedSpec } from "../../contracts/resolved";
import type { DatasetSummary, SearchPlan } from "../../contracts/skills";
import type { StageOutputs } from "../../contracts/stages";
import type { RungReport, TrialOutcome } from "../../contracts/trial";
import type { ExperimentOptions } from "../../contracts/workflow-inputs";
import { Machine } from "../../lifecycle/machine";
import { runTransitions } from "../../lifecycle/run-states";
import { StopSwitch } from "../../lifecycle/stop-switch";
import { workflowEvents } from "../../trace/buffer";
import { TraceRecorder } from "../../trace/recorder";
import { attributes } from "../definitions";
import { liveTable } from "../live-table";
import type { Search } from "../search/search";
import { newSearch } from "../search/state";
import type { Carried } from "./carried";
import { RunRow } from "./run-row";
import { specWarnings } from "./spec-warnings";
import { emptyStages } from "./stages";
import { trialRows } from "./trial-rows";

/** One experiment while its workflow runs: its state, what is known of it, and how that is told to the world. */
export class ExperimentRun {
  readonly id = workflowInfo().workflowId;
  /** First run id of the execution chain: tells this experiment from an earlier one of the same id. */
  readonly chain = workflowInfo().firstExecutionRunId;
  readonly switch = new StopSwitch();
  readonly trace: TraceRecorder;
  readonly machine: Machine<RunStatus["state"]>;
  readonly startedAt: number;
  /** Signals of trials, in order of arrival, until the search takes them. */
  readonly inbox: ({ report: RungReport } | { outcome: TrialOutcome })[] = [];
  /** Raised by every message: what waits for news compares it. */
  news = 0;
  stage: StageName = "resolve";
  stages: StageOutputs | null = null;
  search: Search | null = null;
  warnings: string[] = [];
  /** Set by an update, which may come before the spec is known; null: what the spec says. */
  private limit: number | null;
  private readonly row: RunRow;

  constructor(
    readonly raw: unknown,
    readonly options: ExperimentOptions,
    carried: Carried | null,
  ) {
    this.row = new RunRow(() => this.record(), carried !== null);
    // Before any message is taken: one that comes with the first task changes what was carried.
    this.limit = carried?.maxConcurrentTrials ?? null;
    if (carried?.paused) this.switch.pause();
    this.startedAt = carried?.startedAt ?? workflowInfo().startTime.getTime();
    this.trace = new TraceRecorder(this.id, carried?.trace);
    this.machine = new Machine("run", runTransitions, carried?.state ?? "created", (from, to) => {
      this.trace.add({ kind: workflowEvents.runState, data: { from, to } });
      upsertSearchAttributes([{ key: attributes.state, value: to }]);
      this.row.saveSoon();
    });
    if (carried !== null) {
      this.trace.add({ kind: workflowEvents.continued, data: { live: carried.search.live.length } });
    } else {
      upsertSearchAttributes([
        { key: attributes.experiment, value: this.id },
        { key: attributes.state, value: "created" },
      ]);
    }
  }

  get name(): string {
    const written = (this.raw as { name?: unknown } | null)?.name;
    return this.stages?.resolved.spec.name ?? (typeof written === "string" ? written : this.id);
  }

  resolve(resolved: ResolvedSpec): void {
    const warnings = specWarnings(resolved.spec);
    this.stages = { ...emptyStages(resolved), warnings };
    this.warnings.push(...warnings);
  }

  /** What its stages have produced. Not to be asked for before the spec is resolved. */
  get outputs(): StageOutputs {
    if (this.stages === null) throw new Error("the spec is not resolved yet");
    return this.stages;
  }

  /** Data set and search space. Not to be asked for before both are there. */
  get prepared(): { dataset: DatasetSummary; plan: SearchPlan } {
    const { dataset, plan } = this.outputs;
    if (dataset === null || plan === null) throw new Error("data set and search space are not prepared yet");
    return { dataset, plan };
  }

  get maxConcurrentTrials(): number {
    return this.limit ?? this.stages?.resolved.spec.search.max_concurrent_trials ?? 0;
  }

  // -- messages

  pause(): void {
    this.switch.pause();
    if (this.machine.state === "running") this.machine.to("paused");
    this.news += 1;
  }

  resume(): void {
    this.switch.resume();
    if (this.machine.state === "paused") this.machine.to("running");
    this.news += 1;
  }

  cancel(): void {
    this.switch.cancel();
    this.news += 1;
  }

  setMaxConcurrentTrials(count: number): void {
    this.limit = count;
    this.news += 1;
  }

  receive(message: { report: RungReport } | { outcome: TrialOutcome }): void {
    this.inbox.push(message);
    this.news += 1;
  }

  /** Starts to run, or to wait when a pause was asked for meanwhile. */
  begin(): void {
    this.machine.to("running");
    if (this.switch.paused) this.machine.to("paused");
  }

  // -- stages

  /** One stage: not while paused, interrupted by a cancel. */
  async inStage<T>(stage: StageName, work: () => Promise<T>): Promise<T> {
    await this.switch.whenRunning();
    this.stage = stage;
    this.trace.add({ kind: workflowEvents.runStage, data: { stage } });
    this.row.saveSoon();
    void this.trace.flush();
    this.publish();
    return this.switch.interruptible(work);
  }

  // -- the run's row

  /** The first words with Postgres: awaited, and given up soon. */
  register(): Promise<void> {
    return this.row.open();
  }

  /** Writes the row soon; changes that come close together make one write. */
  saveSoon(): void {
    this.row.saveSoon();
  }

  get isRegistered(): boolean {
    return this.row.isOpen;
  }

  /** Ends the run's row and trace. Nothing is written after this. */
  async close(last: Pick<RunRecord, "error" | "result">): Promise<void> {
    try {
      await this.row.close(last);
    } finally {
      await this.trace.drain();
      this.publish();
    }
  }

  /** Waits for writes under way. */
  async settle(): Promise<void> {
    await this.row.settle();
    await this.trace.drain();
  }

  /** No write is under way or due. */
  get isSettled(): boolean {
    return this.row.isSettled && this.trace.isEmpty;
  }

  private record(): RunRecord {
    const best = this.search?.facts.best ?? null;
    const resolved = this.stages?.resolved;
    return {
      run: this.id,
      chain: this.chain,
      name: this.name,
      state: this.machine.state,
      stage: this.stage,
      ...(resolved && {
        specSha256: resolved.specSha256,
        spec: resolved.spec,
        ...(resolved.inputsSha256 && { inputsSha256: resolved.inputsSha256 }),
      }),
      best: best && { trial: best.trial, value: best.value },
    };
  }

  // -- what people see

  status(): RunStatus {
    const search = this.stages?.resolved.spec.search;
    const facts = this.search?.facts ?? newSearch();
    return {
      run: this.id,
      name: this.name,
      state: this.machine.state,
      stage: this.stage,
      metric: search?.metric ?? "eval_loss",
      mode: search?.mode ?? "min",
      numTrials: search?.num_trials ?? 0,
      maxConcurrentTrials: this.maxConcurrentTrials,
      counts: this.search?.counts() ?? facts.counts,
      best: facts.best,
      startedAt: this.startedAt,
      gpuSeconds: facts.gpuSeconds,
      warnings: this.warnings,
    };
  }

  trials(): TrialRow[] {
    return this.search === null ? [] : trialRows(this.search, this.switch.paused);
  }

  publish(): void {
    setCurrentDetails(liveTable(this.status(), this.trials()));
  }
}
