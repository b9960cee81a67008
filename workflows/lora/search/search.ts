import type { OpenTrial } from "../../contracts/activities";
import type { LoraSpec, SearchSpec, TrainSpec } from "../../contracts/experiment";
import type { Proposal } from "../../contracts/skills";
import type { RungReport, TrialOutcome } from "../../contracts/trial";
import { type UnfinishedEnd, unfinishedOutcome } from "../outcomes";
import { replicateSeed, trialConfig, trialSteps } from "../trial-config";
import { askSize, stopReason } from "./asking";
import { type Decision, Judge, type VerdictMessage } from "./judge";
import { toldSinceImprovement } from "./patience";
import { isBetter, withFinalist } from "./ranking";
import { type AskRequest, endedRow, openRow } from "./rows";
import { bracketOf, rungCount, rungSteps } from "./rungs";
import { type LiveTrial, type SearchFacts, type SearchState, verdictAt } from "./state";
import { RungWindows } from "./windows";

/** What never changes during a search. */
export interface SearchSetup {
  run: string;
  search: SearchSpec;
  train: TrainSpec;
  lora: LoraSpec;
  /** Steps of a trial with the spec's own train section. */
  plannedSteps: number;
  /** Training sequences: rows, or packs of them. */
  sequences: number;
}

const endedRows = 100;
const unmirroredTrials = 1000;

/**
 * A search: what is open, what was decided, what comes next. Holds no clock and does no work; the workflow asks it
 * what to do and tells it what happened.
 */
export class Search {
  private readonly state: SearchFacts;
  private readonly live: Map<number, LiveTrial>;
  private readonly judge: Judge;

  constructor(
    readonly setup: SearchSetup,
    state: SearchState,
  ) {
    const { live, windows, ...rest } = state;
    this.state = rest;
    this.live = new Map(live.map((trial) => [trial.trial, trial]));
    const remembered = new RungWindows(rungCount(setup.search, setup.plannedSteps), windows);
    this.judge = new Judge(setup.search, this.state, this.live, remembered);
  }

  /** The state as plain JSON, for a continued workflow. */
  carry(): SearchState {
    return { ...this.state, live: this.open(), windows: this.judge.carry() };
  }

  get facts(): Readonly<SearchFacts> {
    return this.state;
  }

  open(): LiveTrial[] {
    return [...this.live.values()];
  }

  find(trial: number): LiveTrial | undefined {
    return this.live.get(trial);
  }

  counts(): SearchState["counts"] {
    const pending = this.open().filter((trial) => trial.state === "pending").length;
    return { ...this.state.counts, pending, running: this.live.size - pending };
  }

  rungsOf(trial: Pick<LiveTrial, "totalSteps" | "bracket" | "replicateOf">): number[] {
    return trial.replicateOf === null ? rungSteps(this.setup.search, trial.totalSteps, trial.bracket) : [];
  }

  /** The step of its last report; 0 before the first. */
  stepOf(trial: LiveTrial): number {
    return trial.reports === 0 ? 0 : (this.rungsOf(trial)[trial.reports - 1] ?? 0);
  }

  // -- proposing

  /** No further trial will be proposed, as things stand. */
  get isExhausted(): boolean {
    return stopReason(this.setup.search, this.state) !== null;
  }

  /** The proposals to ask for now, or null. Not to be called while an answer is outstanding. */
  nextAsk(maxConcurrent: number): AskRequest | null {
    const size = askSize(this.setup.search, this.state, this.live.size, maxConcurrent - this.live.size);
    if (size === 0) return null;
    const first = this.state.nextTrial;
    return {
      trials: Array.from({ length: size }, (_, index) => first + index),
      tellCount: this.state.tells,
      pending: this.open().map((trial) => trial.trial),
    };
  }

  /** Takes the proposals in; answers with the rows to open before any of them starts. */
  propose(ask: AskRequest, proposals: readonly Proposal[], exhausted: boolean): OpenTrial[] {
    const { search } = this.setup;
    // An answer without a proposal would be asked for again and again.
    this.state.exhausted ||= exhausted || proposals.length === 0;
    const added = proposals.map((proposal) => this.add(proposal, null, this.setup.train.seed));
    this.state.proposed += added.length;
    if (search.deterministic && added.length > 0) {
      const index = this.state.waves++;
      const bracket = bracketOf(search, this.setup.plannedSteps, index);
      for (const trial of added) trial.bracket = bracket;
      this.state.wave = {
        index,
        bracket,
        members: added.map((t) => t.trial),
        ended: [],
        base: this.state.tells,
        bestBefore: this.state.best?.value ?? null,
      };
    }
    // Of trials proposed together, each knows those before it: to the sampler they are pending as well.
    return added.map((trial, index) => {
      const together = added.slice(0, index).map((earlier) => earlier.trial);
      return openRow(this.setup.run, trial, { ...ask, pending: [...ask.pending, ...together] });
    });
  }

  /** Reruns of the finalists with new seeds, if asked for and not begun. Answers with the rows to open. */
  replicate(): OpenTrial[] {
    if (this.state.phase === "replicates") return [];
    this.state.endedBecause = stopReason(this.setup.search, this.state);
    this.state.phase = "replicates";
    const ask: AskRequest = { trials: [], tellCount: this.state.tells, pending: [] };
    const rows: OpenTrial[] = [];
    for (const finalist of this.state.finalists) {
      for (let index = 1; index < this.setup.search.replicates; index++) {
        const proposal = { trial: this.state.nextTrial, params: finalist.params, modelBased: false };
        const trial = this.add(proposal, finalist.trial, replicateSeed(this.setup.train.seed, index));
        rows.push(openRow(this.setup.run, trial, ask));
      }
    }
    return rows;
  }

  private add(proposal: Proposal, replicateOf: number | null, seed: number): LiveTrial {
    const { train, lora, plannedSteps, sequences, search } = this.setup;
    const config = trialConfig({ train, lora }, proposal.params, seed);
    const totalSteps = trialSteps(sequences, config.train);
    const trial: LiveTrial = {
      trial: proposal.trial,
      params: proposal.params,
      modelBased: proposal.modelBased,
      seed,
      replicateOf,
      totalSteps,
      bracket: replicateOf === null ? bracketOf(search, plannedSteps, proposal.trial) : 0,
      state: "pending",
      reports: 0,
      value: null,
      metrics: {},
      decided: 0,
      pruned: false,
      sent: 0,
    };
    this.live.set(trial.trial, trial);
    this.state.nextTrial = Math.max(this.state.nextTrial, trial.trial + 1);
    return trial;
  }

  // -- placing

  /** Trials to start now, marked as running. Those told to go on come first: they hold half-done work. */
  startable(maxConcurrent: number): LiveTrial[] {
    const free = maxConcurrent - this.occupied();
    const next = this.open()
      .filter((trial) => trial.state === "pending")
      .slice(0, Math.max(0, free));
    for (const trial of next) trial.state = "running";
    return next;
  }

  /** Verdicts to tell now. One that says go on waits for a free place when the trial has given up its own. */
  verdictsToSend(maxConcurrent: number): VerdictMessage[] {
    const messages = this.judge.takeRepeats();
    for (const trial of this.live.values()) {
      while (trial.sent < trial.decided) {
        const verdict = verdictAt(trial, trial.sent);
        if (verdict === "continue" && trial.state === "waiting") {
          if (this.occupied() >= maxConcurrent) break;
          trial.state = "running";
        }
        messages.push({ trial: trial.trial, rung: trial.sent, verdict });
        trial.sent += 1;
      }
    }
    return messages;
  }

  private occupied(): number {
    return this.open().filter((trial) => trial.state === "running").length;
  }

  // -- judging

  /** Takes a trial's value at a rung; answers with the verdicts that it makes possible. */
  report(report: RungReport): Decision[] {
    return this.judge.report(report);
  }

  // -- ending

  /** The outcome of an open trial that cannot tell its own: it came as far as it has reported. */
  unfinished(trial: LiveTrial, end: UnfinishedEnd): TrialOutcome {
    return { ...unfinishedOutcome(trial.trial, end), step: this.stepOf(trial) };
  }

  /**
   * Takes a trial's end. Null when it had ended before. `ordinal`: its place among the tells, null for a replicate.
   */
  finish(outcome: TrialOutcome): { ordinal: number | null; decisions: Decision[]; improved: boolean } | null {
    const trial = this.live.get(outcome.trial);
    if (trial === undefined) return null;
    this.live.delete(outcome.trial);
    this.state.counts[outcome.state] += 1;
    this.state.gpuSeconds += outcome.gpuSeconds;
    this.state.ended = [...this.state.ended, endedRow(this.setup.run, trial, outcome)].slice(-endedRows);
    if (trial.replicateOf !== null) return { ordinal: null, decisions: [], improved: false };
    const improved = this.rank(trial, outcome);
    this.returnUnmirrored([outcome.trial]);
    const ordinal = this.tell(trial, outcome);
    const decisions = this.judge.judgeWave();
    this.closeWave();
    return { ordinal, decisions, improved };
  }

  private rank(trial: LiveTrial, outcome: TrialOutcome): boolean {
    const { mode } = this.setup.search;
    if (outcome.state !== "completed" || outcome.value === null || outcome.checkpoint === null) {
      this.countTold(false);
      return false;
    }
    const { value, checkpoint, trainableParams } = outcome;
    const finalist = { trial: trial.trial, value, params: trial.params, trainableParams, checkpoint };
    this.state.finalists = withFinalist(this.state.finalists, finalist, mode);
    const improved = this.state.best === null || isBetter(value, this.state.best.value, mode);
    this.countTold(improved);
    // Of equals, the one that will be chosen in the end, whichever came first.
    const [leader = finalist] = this.state.finalists;
    this.state.best = { trial: leader.trial, value: leader.value, params: leader.params };
    return improved;
  }

  /** Members of a wave are counted when it has ended: the order in which they end must not matter. */
  private countTold(improved: boolean): void {
    if (this.state.wave !== null) return;
    this.state.sinceImprovement = improved ? 0 : this.state.sinceImprovement + 1;
  }

  private tell(trial: LiveTrial, { state, value, checkpoint }: TrialOutcome): number {
    const wave = this.state.wave;
    if (wave === null) return this.state.tells++;
    const survived = trial.decided - (trial.pruned ? 1 : 0);
    const ranked = state === "completed" && checkpoint !== null ? value : null;
    wave.ended.push({ trial: trial.trial, state, survived, totalSteps: trial.totalSteps, value: ranked });
    return wave.base + wave.members.indexOf(trial.trial);
  }

  private closeWave(): void {
    const wave = this.state.wave;
    if (wave === null || wave.ended.length < wave.members.length) return;
    this.state.tells = wave.base + wave.members.length;
    this.state.sinceImprovement = toldSinceImprovement(
      wave,
      this.state.sinceImprovement,
      this.setup.search.mode,
    );
    this.state.wave = null;
  }

  /** Ended trials that the mirror study should hear of next. */
  takeUnmirrored(limit: number): number[] {
    return this.state.unmirrored.splice(0, limit);
  }

  /** Kept for the next attempt; beyond a thousand the lowest are given up: it is a dashboard. */
  returnUnmirrored(trials: number[]): void {
    this.state.unmirrored = [...trials, ...this.state.unmirrored]
      .sort((a, b) => a - b)
      .slice(-unmirroredTrials);
  }
}
