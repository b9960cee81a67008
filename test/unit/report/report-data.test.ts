import { describe, expect, it } from "vitest";
import { buildReportData, type ReportInput } from "../../../activities/report/data/build";
import { reportFixture } from "../../support/report-fixture";

const withComparison = (low: number, high: number, beatsBase: boolean) => {
  const input = reportFixture();
  if (input.stages.comparison)
    Object.assign(input.stages.comparison, { gain: (low + high) / 2, low, high, beatsBase });
  return buildReportData(input).headline;
};

describe("headline", () => {
  it("says that the base is beaten when the interval excludes zero", () => {
    const headline = withComparison(0.75, 0.85, true);
    expect(headline.kind).toBe("beats");
    expect(headline.sentence).toMatch(/^Trial \d+ beats the base: exact match 0\.805 against 0\.$/);
  });

  it("does not say it when the interval includes zero, whatever the flag says", () => {
    for (const flag of [true, false]) {
      const headline = withComparison(-0.02, 0.08, flag);
      expect(headline.kind).toBe("unproven");
      expect(headline.sentence).toMatch(/^No proof/);
      expect(headline.detail).toContain("includes zero");
    }
  });

  it("says that the winner is worse when the interval excludes zero on the wrong side", () => {
    expect(withComparison(-0.3, -0.1, false).kind).toBe("worse");
  });

  it("names the common cause when nothing completed", () => {
    const { headline, winner, importance, curves } = buildReportData(reportFixture({ allEnd: "failed" }));
    expect(headline.kind).toBe("all-failed");
    expect(headline.sentence).toBe("None of the 8 trials completed.");
    expect(headline.detail).toContain("(8 trials): CrashesEngine");
    expect(winner).toBeNull();
    expect(importance.rows).toEqual([]);
    expect(curves).toEqual([]);
  });

  it("speaks of a winner that was not compared", () => {
    const input = reportFixture();
    input.stages.comparison = null;
    expect(buildReportData(input).headline.kind).toBe("not-compared");
  });
});

describe("trials", () => {
  const data = buildReportData(reportFixture({ trials: 24, wave: 8 }));

  it("ranks completed before pruned, pruned by how far they got, diverged last", () => {
    const byRank = data.trials.filter((t) => t.rank !== null).sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0));
    const groups = byRank.map((t) => ["completed", "pruned", "diverged"].indexOf(t.state));
    expect(groups).toEqual([...groups].sort());
    const pruned = byRank.filter((t) => t.state === "pruned").map((t) => t.step);
    expect(pruned).toEqual([...pruned].sort((a, b) => b - a));
    expect(byRank[0]?.isBest).toBe(true);
  });

  it("groups trials of one ask into a wave", () => {
    expect(data.trials.map((t) => t.wave)).toEqual(data.trials.map((t) => Math.floor(t.trial / 8) + 1));
  });

  it("says at which rung a trial was pruned, and how it stood there", () => {
    const pruned = data.trials.filter((t) => t.state === "pruned");
    expect(pruned.length).toBeGreaterThan(5);
    for (const t of pruned) {
      expect(t.ended).toMatch(
        /^pruned at step (75|150): validation loss [\d.]+, \d+(st|nd|rd|th) of \d; \d went on$/,
      );
    }
  });

  it("ranks a pruned trial among the members of its wave that reported with it", () => {
    const waveOf = new Map(data.trials.map((t) => [t.trial, t.wave]));
    for (const { trial, ended } of data.trials.filter((t) => t.state === "pruned")) {
      const [, step = "", of = "", kept = ""] = /step (\d+): .* of (\d+); (\d+) went on/.exec(ended) ?? [];
      const summary = data.timeline.rungs.find(
        (r) => r.wave === waveOf.get(trial) && r.step === Number(step),
      );
      expect([Number(of), Number(kept)]).toEqual([summary?.reported, summary?.kept]);
    }
  });

  it("counts every trial once in the totals", () => {
    expect(Object.values(data.counts).reduce((a, b) => a + b, 0)).toBe(24);
    const seconds = data.trials.reduce((sum, t) => sum + t.gpuSeconds, 0);
    expect(data.gpu.training).toBeCloseTo(seconds, 6);
    expect(data.gpu.byState.reduce((sum, s) => sum + s.seconds, 0)).toBeCloseTo(seconds, 6);
  });

  it("does not rank a rerun of a finalist among the trials", () => {
    const input = reportFixture();
    const last = input.trials[7];
    if (last) Object.assign(last, { replicateOf: 1 });
    expect(buildReportData(input).trials[7]?.rank).toBeNull();
  });
});

describe("model-based proposals", () => {
  const factOf = (input: ReportInput) =>
    buildReportData(input).facts.find(({ label }) => label === "Model-based proposals");

  it("are counted among the proposals, of which a rerun of a finalist is none", () => {
    const input = reportFixture({ trials: 8, wave: 4 });
    expect(factOf(input)).toMatchObject({ value: "4", note: "of 8; the others were start-up draws" });
    Object.assign(input.trials[7] ?? {}, { replicateOf: 1, modelBased: false });
    expect(factOf(input)).toMatchObject({ value: "3", note: "of 7; the others were start-up draws" });
  });

  it("that a search had none of is said too", () => {
    const input = reportFixture({ trials: 4, wave: 4 });
    expect(factOf(input)).toMatchObject({ value: "0", note: "all proposals were random or from the grid" });
  });
});

describe("rungs", () => {
  it("are summed up by wave, and lose nobody", () => {
    const input = reportFixture({ trials: 24, wave: 8 });
    const { rungs } = buildReportData(input).timeline;
    expect(rungs.reduce((sum, r) => sum + r.reported, 0)).toBe(input.rungs.length);
    for (const r of rungs) expect(r.kept + r.pruned).toBe(r.reported);
    expect([...new Set(rungs.map((r) => r.wave))]).toEqual([1, 2, 3]);
  });
});

describe("cuts for a thousand trials", () => {
  const data = buildReportData(reportFixture({ trials: 1000, wave: 50 }));

  it("draws a part and says so, with the best among it", () => {
    expect(data.curves.every((c) => c.series.length <= 60)).toBe(true);
    expect(data.curvesNote).toBe(
      "Drawn: 60 of 1,000 trials, half of them the best, the others spread evenly.",
    );
    expect(data.parallel.lines.length).toBe(200);
    expect(data.timeline.note).toContain("60 of 1,000");
    expect(data.parallel.lines.some((l) => l.isBest)).toBe(true);
    expect(data.curves.every((c) => c.series.some((s) => s.isBest))).toBe(true);
  });
});

describe("scores", () => {
  it("put the baselines between base and winner", () => {
    const { scores } = buildReportData(reportFixture({ task: "sequence_classification" }));
    expect(scores.columns).toEqual(["base", "majority class", "linear probe", "winner"]);
    expect(scores.rows.find((r) => r.metric === "macro_f1")?.values).toEqual([0.0612, 0.029, 0.788, 0.9417]);
  });

  it("compare sample answers as exact match does", () => {
    const { samples } = buildReportData(reportFixture());
    expect(samples[0]).toMatchObject({ baseRight: false, bestRight: true });
    expect(samples[3]).toMatchObject({ bestRight: false });
  });
});

it("builds the same data from the same record", () => {
  expect(buildReportData(reportFixture())).toEqual(buildReportData(reportFixture()));
});
