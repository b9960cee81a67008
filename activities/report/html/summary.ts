import { drawGain } from "../charts/data";
import { number, rowsOf, utc } from "../data/format";
import type { HeadlineKind, ReportData } from "../data/report-data";
import { cell, factList, num, numeric, section, table } from "./parts";
import { html, Markup } from "./tag";

const badges: Record<HeadlineKind, string> = {
  beats: "beats the base",
  unproven: "not proven",
  worse: "worse than the base",
  "not-compared": "not compared",
  "no-winner": "no winner",
  "all-failed": "nothing completed",
};

export const masthead = (data: ReportData): Markup => html`<header class="masthead">
<p class="brand">Belay <span>LoRA search report</span></p>
<h1>${data.run.name}</h1>
${data.run.description && html`<p class="description">${data.run.description}</p>`}
<p class="meta"><code>${data.run.id}</code> · started ${utc(new Date(data.run.startedAt))}</p>
</header>`;

export function summary(data: ReportData): Markup {
  const { headline, reproducibility, comparison } = data;
  const verified = reproducibility.verdict;
  return html`<section id="summary" class="hero kind-${headline.kind}" aria-label="Summary">
<p class="badge">${badges[headline.kind]}</p>
<p class="headline">${headline.sentence}</p>
${headline.detail && html`<p class="detail">${headline.detail}</p>`}
${comparison && html`<div class="chart" tabindex="0" role="group" aria-label="Gain over the base">${new Markup(drawGain(comparison))}</div>`}
<p class="verdict ${verified ? (verified.passed ? "pass" : "fail") : "none"}"><a href="#verify">${reproducibility.sentence}</a></p>
${factList(data.facts, "cards")}
${data.warnings.length > 0 && html`<div class="warnings" role="note"><h2>Worth knowing</h2><ul>${data.warnings.map((w) => html`<li>${w}</li>`)}</ul></div>`}
</section>`;
}

export function scores(data: ReportData): Markup | null {
  const { columns, rows } = data.scores;
  if (columns.length === 0) return null;
  return section(
    "scores",
    "Base against winner",
    `Each was scored once on ${rowsOf(data.split)}.`,
    table(
      `Scores on the ${data.split} rows`,
      ["metric", ...columns.map(num)],
      rows.map((r) => ({
        className: r.metric === data.comparison?.metric ? "chosen" : undefined,
        cells: [cell(r.label), ...r.values.map((v) => numeric(number(v), v))],
      })),
    ),
    sampleList(data),
  );
}

function sampleList(data: ReportData): Markup | null {
  if (data.samples.length === 0)
    return html`<p class="note">No sample generations: none of the metrics needs generated text.</p>`;
  const answer = (who: string, text: string | null, right: boolean | null) =>
    text === null
      ? null
      : html`<div class="answer ${right ? "right" : "wrong"}"><dt>${who} <span class="mark-text">${right ? "✓ as expected" : "✗ differs"}</span></dt><dd><pre>${text === "" ? html`<i>nothing</i>` : text}</pre></dd></div>`;
  return html`<h3>Sample answers</h3>
<div class="samples">${data.samples.map(
    (s) => html`<article class="sample"><p class="prompt"><span>asked</span>${s.prompt}</p>
<dl><div class="answer expected"><dt>expected</dt><dd><pre>${s.expected}</pre></dd></div>${answer("base", s.base, s.baseRight)}${answer("winner", s.best, s.bestRight)}</dl></article>`,
  )}</div>`;
}
