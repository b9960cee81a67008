import type { CurvePoint } from "../rows";
import { metricName } from "./format";
import { groupBy } from "./group-by";
import type { CurveChart, Objective, TrialView } from "./report-data";
import { verticalScale } from "./scale";

/** Names under which a metric's values during training are recorded. */
export const curveNames = (objective: Objective): string[] => [
  ...new Set(["train_loss", "eval_loss", objective.metric, `eval_${objective.metric}`]),
];

/** Training loss, validation loss, and the objective where it is another metric that was measured during training. */
export function curveCharts(
  points: readonly CurvePoint[],
  drawn: readonly TrialView[],
  objective: Objective,
): CurveChart[] {
  const bySubject = new Map(drawn.map((t) => [t.subject, t]));
  const charts: CurveChart[] = [];
  const objectiveSeen = new Set<string>();
  for (const name of curveNames(objective)) {
    const label = metricName(name === `eval_${objective.metric}` ? objective.metric : name);
    if (objectiveSeen.has(label)) continue;
    const series = [
      ...groupBy(
        points.filter((p) => p.name === name && bySubject.has(p.subject)),
        (p) => p.subject,
      ),
    ]
      .map(([subject, rows]) => {
        const trial = bySubject.get(subject) as TrialView;
        const sorted = rows
          .filter((p) => Number.isFinite(p.value))
          .sort((a, b) => a.step - b.step)
          .map((p): [number, number] => [p.step, p.value]);
        return { trial: trial.trial, state: trial.state, isBest: trial.isBest, points: sorted };
      })
      .filter((s) => s.points.length > 0)
      .sort((a, b) => Number(a.isBest) - Number(b.isBest) || a.trial - b.trial);
    if (series.length === 0) continue;
    objectiveSeen.add(label);
    // A diverging loss would set the scale for all others.
    const steady = series.filter((s) => s.state !== "diverged");
    const { domain, log } = verticalScale(
      (steady.length > 0 ? steady : series).flatMap((s) => s.points.map((p) => p[1])),
    );
    charts.push({ metric: name, label, log, domain, series });
  }
  return charts;
}
