import type { SearchSpec } from "../../contracts/experiment";
import type { RungReport, Verdict } from "../../contracts/trial";
import { judgeable, ruleOf } from "./cohort";
import { judgeAlone, judgeCohort } from "./pruners";
import { asCost } from "./ranking";
import { rungSteps } from "./rungs";
import { type LiveTrial, type SearchFacts, verdictAt } from "./state";
import type { RungWindows } from "./windows";

/** A verdict just made, to be recorded before the trial is told. */
export interface Decision {
  ordinal: number;
  report: RungReport;
  verdict: Verdict;
  seen: number;
}

export interface VerdictMessage {
  trial: number;
  rung: number;
  verdict: Verdict;
}

/**
 * Decides at rungs who goes on: each trial at once, or a wave together when its last member has reported or ended.
 * Works on the search's own open trials and facts.
 */
export class Judge {
  private repeats: VerdictMessage[] = [];

  constructor(
    private readonly search: SearchSpec,
    private readonly state: SearchFacts,
    private readonly live: ReadonlyMap<number, LiveTrial>,
    private readonly windows: RungWindows,
  ) {}

  carry(): Record<string, string> {
    return this.windows.carry();
  }

  /** Verdicts to tell once more. */
  takeRepeats(): VerdictMessage[] {
    const repeats = this.repeats;
    this.repeats = [];
    return repeats;
  }

  /** Takes a trial's value at a rung; answers with the verdicts that it makes possible. */
  report(report: RungReport): Decision[] {
    const trial = this.live.get(report.trial);
    if (trial === undefined) return [];
    if (report.rung < trial.reports) {
      this.repeat(trial, report.rung);
      return [];
    }
    if (report.rung > trial.reports) return [];
    trial.reports += 1;
    trial.value = report.value;
    if (this.search.deterministic) {
      trial.metrics = report.metrics;
      trial.state = "waiting";
      return this.judgeWave();
    }
    return [this.judge(trial, report)];
  }

  /** A trial that asks again has lost the answer, be it to a reset. */
  private repeat(trial: LiveTrial, rung: number): void {
    const verdict = verdictAt(trial, rung);
    if (rung < trial.sent) this.repeats.push({ trial: trial.trial, rung, verdict });
  }

  private judge(trial: LiveTrial, report: RungReport): Decision {
    const { search } = this;
    const key = `${trial.bracket}:${report.step}`;
    const cost = report.value === null ? null : Math.fround(asCost(report.value, search.mode));
    const verdict = judgeAlone(cost, ruleOf(search), this.windows.at(key));
    if (cost !== null) this.windows.add(key, cost);
    decide(trial, verdict);
    const seen = this.state.rungReports++;
    return { ordinal: seen, report, verdict, seen };
  }

  /** Judges the wave at every rung where that is possible now: none of its members is still on its way there. */
  judgeWave(): Decision[] {
    const { search } = this;
    const decisions: Decision[] = [];
    for (;;) {
      const wave = this.state.wave;
      const ready = wave && judgeable(wave, this.live, search, search.mode);
      if (!wave || !ready) return decisions;
      const reported = ready.members.filter((member) => this.live.has(member.trial));
      const first = this.live.get((reported[0] as { trial: number }).trial) as LiveTrial;
      const step = rungSteps(search, first.totalSteps, first.bracket)[ready.rung] as number;
      const key = `${wave.bracket}:${step}`;
      const verdicts = judgeCohort(ready.members, ruleOf(search), this.windows.at(key));
      const seen = this.state.rungReports + reported.length;
      for (const member of reported) {
        const trial = this.live.get(member.trial) as LiveTrial;
        const verdict = verdicts.get(member.trial) as Verdict;
        decide(trial, verdict);
        if (member.cost !== null) this.windows.add(key, member.cost);
        const report = {
          trial: trial.trial,
          rung: ready.rung,
          step,
          value: trial.value,
          metrics: trial.metrics,
        };
        trial.metrics = {};
        decisions.push({ ordinal: this.state.rungReports++, report, verdict, seen });
      }
    }
  }
}

function decide(trial: LiveTrial, verdict: Verdict): void {
  trial.decided += 1;
  trial.pruned = verdict === "prune";
}
