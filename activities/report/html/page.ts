import { createHash } from "node:crypto";
import { choice, number } from "../data/format";
import type { ReportData } from "../data/report-data";
import type { Assets } from "./assets";
import { adapter, askedSection, dataset, verify } from "./details";
import { search, trialTable } from "./search";
import { masthead, scores, summary } from "./summary";
import { html, Markup } from "./tag";

/** One file that needs nothing else: no network, no external style, and a policy that would refuse them. */
export function renderHtml(data: ReportData, { css, script }: Assets): string {
  const policy = [
    "default-src 'none'",
    `style-src '${hashOf(css)}'`,
    `script-src '${hashOf(script)}'`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="Belay">
<title>${data.run.name} · Belay report</title>
<link rel="icon" href="data:,">
<style>${new Markup(css)}</style>
</head>
<body>
<a class="skip" href="#summary">Skip to the summary</a>
<div class="page">
${masthead(data)}
${navigation(data)}
<main>
${summary(data)}
${askedSection(data)}
${scores(data)}
${adapter(data)}
${search(data)}
${trialTable(data)}
${dataset(data)}
${verify(data)}
</main>
</div>
<div id="tip" class="tip" role="status" hidden></div>
<script type="application/json" id="trials-data">${new Markup(trialData(data))}</script>
<script>${new Markup(script)}</script>
</body>
</html>
`;
  return page.text;
}

function navigation(data: ReportData): Markup {
  const links: [id: string, text: string, shown: boolean][] = [
    ["summary", "Summary", true],
    ["asked", "Asked", true],
    ["scores", "Scores", data.scores.columns.length > 0],
    ["adapter", "Adapter", true],
    ["search", "Search", data.trials.length > 0],
    ["trials", "Trials", data.trials.length > 0],
    ["data", "Data", true],
    ["verify", "Verify", true],
  ];
  return html`<nav aria-label="Sections"><ul>${links
    .filter(([, , shown]) => shown)
    .map(([id, text]) => html`<li><a href="#${id}">${text}</a></li>`)}</ul></nav>`;
}

/** What the pointer is told about a trial: title, then label and value by line. */
function trialData(data: ReportData): string {
  const byTrial = Object.fromEntries(
    data.trials.map((t) => [
      t.trial,
      {
        title: `trial ${t.trial}${t.isBest ? " · winner" : ""}`,
        state: t.state,
        lines: [
          [data.objective.label, number(t.value)],
          ...Object.entries(t.params).map(([key, value]) => [key, choice(value)]),
          ["steps", String(t.step)],
        ],
        ended: t.ended,
      },
    ]),
  );
  // `<` cannot end the element that holds it.
  return JSON.stringify(byTrial).replaceAll("<", "\\u003c");
}

const hashOf = (text: string): string => `sha256-${createHash("sha256").update(text).digest("base64")}`;
