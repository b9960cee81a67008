import { drawCurves, drawHistory } from "../charts/curves";
import { drawGpu, drawTimeline } from "../charts/runs";
import { drawImportance, drawParallel } from "../charts/search";
import { choice, count, duration, number, percent, tenths } from "../data/format";
import type { ReportData, TrialView } from "../data/report-data";
import { cell, figure, note, num, numeric, type Row, section, state, table } from "./parts";
import { html, type Markup } from "./tag";

export function search(data: ReportData): Markup | null {
  if (data.trials.length === 0) return null;
  return section(
    "search",
    "The search",
    html`Point at a line, dot or bar to see its trial; click to keep it marked in every chart and in the table. ${legend(data)}`,
    history(data),
    ...curves(data),
    parallel(data),
    importanceFigure(data),
    timelineFigure(data),
    gpu(data),
  );
}

const legend = (data: ReportData): Markup =>
  html`<span class="legend">${data.winner && html`<span class="key is-best">winner</span>`}${Object.entries(
    data.counts,
  )
    .filter(([, n]) => n > 0)
    .map(([name, n]) => html`<span class="key is-${name}">${name} ${count(n)}</span>`)}</span>`;

/** A chart with nothing to draw says why. */
const nothing = (title: string, chart: string, reason: string): Markup =>
  html`<figure><h3>${title}</h3><p class="note" data-empty="${chart}">${reason}</p></figure>`;

function history(data: ReportData): Markup | null {
  if (data.trials.every((t) => t.value === null)) return null;
  return figure(
    "Trial by trial",
    drawHistory(
      data.trials,
      data.history.map((h) => h.bestSoFar),
      data.objective,
    ),
    [
      `${sentence(data.objective.label)} on validation rows. The staircase is the best completed so far. Filled dots were proposed by the sampler's model, hollow ones are start-up draws; a pruned trial stands at its last rung's value, × had none.`,
    ],
  );
}

const curves = (data: ReportData): Markup[] =>
  data.curves.map((chart) =>
    figure(sentence(chart.label), drawCurves(chart), [
      chart.metric === "train_loss"
        ? "On training batches, averaged over neighbouring steps where there are many."
        : "On validation rows.",
      data.curvesNote,
    ]),
  );

function parallel(data: ReportData): Markup | null {
  const { axes, lines, note: cut } = data.parallel;
  if (axes.length < 2 || lines.length === 0) return null;
  return figure("Parameters and outcome", drawParallel(data.parallel), [
    html`One line per trial, coloured by ${data.objective.label}: <span class="ramp" aria-hidden="true"><i class="q0"></i><i class="q1"></i><i class="q2"></i><i class="q3"></i><i class="q4"></i><i class="q5"></i><i class="q6"></i></span> worse to better, the winner on top. Dashed lines did not complete; a pruned one ends at its last rung's value.`,
    cut,
  ]);
}

function importanceFigure(data: ReportData): Markup {
  const { importance } = data;
  if (importance.rows.length === 0) {
    return nothing("Which parameter mattered", "importance", `Not shown. ${importance.explanation}`);
  }
  const beyond = importance.rows.filter((r) => r.aboveNoise).map((r) => r.key);
  return figure(
    "Which parameter mattered",
    drawImportance(importance),
    [
      beyond.length === 0
        ? "No parameter stands out from chance."
        : `${beyond.join(" and ")} ${beyond.length === 1 ? "stands" : "stand"} out from chance${importance.confidence === "indicative" ? ", as far as so few trials can tell" : ""}.`,
      importance.explanation,
    ],
    table(
      "Importance by parameter",
      ["parameter", num("importance"), num("noise mark"), "values of the best quarter"],
      importance.rows.map((r) => ({
        cells: [
          cell(r.key),
          numeric(percent(r.score), r.score),
          numeric(percent(r.noise), r.noise),
          cell(r.bestValues),
        ],
      })),
    ),
  );
}

function timelineFigure(data: ReportData): Markup {
  const { timeline, objective } = data;
  if (data.trials.every((t) => t.step === 0))
    return nothing("How far each trial got", "timeline", "No trial took a step.");
  return figure(
    "How far each trial got",
    drawTimeline(timeline, objective),
    [
      timeline.rungs.length > 0
        ? "At a rung the better trials go on (ring) and the others stop (×). The reason for each is in the table of trials."
        : "No rungs: trials were not pruned.",
      timeline.note,
    ],
    timeline.rungs.length > 0
      ? table(
          "Verdicts by wave and rung",
          [
            num("wave"),
            num("rung"),
            num("step"),
            num("reported"),
            num("went on"),
            num("pruned"),
            num(`worst ${objective.label} that went on`),
          ],
          timeline.rungs.slice(0, data.tableLimit).map((r) => ({
            cells: [r.wave, r.rung + 1, r.step, r.reported, r.kept, r.pruned]
              .map((n) => numeric(count(n), n))
              .concat(numeric(number(r.cut), r.cut)),
          })),
        )
      : null,
  );
}

function gpu(data: ReportData): Markup {
  const { gpu: view } = data;
  const title = `${view.processor} time`;
  if (view.training === 0) return nothing(title, "gpu-seconds", "No trial used any.");
  const shares = view.byState.map((s) => `${duration(s.seconds)} ${s.state}`).join(", ");
  return figure(title, drawGpu(view), [
    `Training ${duration(view.training)}${shares && ` (${shares})`}; scoring base and winner on test ${duration(view.evaluation)}.${
      view.savedShare === null
        ? ""
        : ` Pruning spared ${percent(view.savedShare)} of the steps that full-length trials would have taken.`
    }`,
    view.note,
  ]);
}

export function trialTable(data: ReportData): Markup | null {
  const { trials, objective, tableLimit } = data;
  if (trials.length === 0) return null;
  const keys = [...new Set(trials.flatMap((t) => Object.keys(t.params)))];
  const shown = [...trials]
    .sort((a, b) => (a.rank ?? Infinity) - (b.rank ?? Infinity) || a.trial - b.trial)
    .slice(0, tableLimit);
  const heading = (key: string) =>
    trials.every((t) => typeof (t.params[key] ?? 0) === "number") ? num(key) : key;
  const head = [
    num("trial"),
    num("rank"),
    "state",
    num(objective.label),
    ...keys.map(heading),
    num("step"),
    num(`${data.gpu.processor} s`),
    "proposed by",
    "how it ended",
  ];
  return section(
    "trials",
    "All trials",
    "Best first; click a heading to sort.",
    table(
      `Trials of ${data.run.id}`,
      head,
      shown.map((t) => trialRow(t, keys)),
      true,
    ),
    note(
      shown.length < trials.length
        ? `The best ${count(shown.length)} of ${count(trials.length)} trials; all of them are in the manifest.`
        : null,
    ),
  );
}

function trialRow(t: TrialView, keys: readonly string[]): Row {
  const param = (value: unknown) =>
    typeof value === "number" ? numeric(choice(value), value) : cell(choice(value));
  return {
    trial: t.trial,
    className: t.isBest ? "is-best" : undefined,
    cells: [
      {
        content: html`<button type="button" class="pick" data-pick="${t.trial}">${t.trial}</button>`,
        sort: t.trial,
        numeric: true,
      },
      numeric(t.rank === null ? "–" : String(t.rank), t.rank),
      cell(state(t.state)),
      numeric(number(t.value), t.value),
      ...keys.map((key) => param(t.params[key])),
      numeric(count(t.step), t.step),
      numeric(tenths(t.gpuSeconds), t.gpuSeconds),
      cell(t.replicateOf === null ? (t.modelBased ? "model" : "draw") : `rerun of ${t.replicateOf}`),
      cell(html`<span class="ended">${t.ended}</span>`),
    ],
  };
}

const sentence = (label: string): string => label.charAt(0).toUpperCase() + label.slice(1);
