import { bytes, choice, count, duration, number, percent, rowsOf, tenths, utc } from "../data/format";
import type { ArtifactView, Fact, ReportData } from "../data/report-data";
import { levelMeaning } from "../data/winner";
import { block, inline, inlineCode, table } from "./text";

/** The same facts as the page, compactly, for a pull request or a terminal. */
export function renderMarkdown(data: ReportData): string {
  const parts = [
    `# ${inline(data.run.name)}: LoRA search report`,
    data.run.description && inline(data.run.description),
    `Run ${inlineCode(data.run.id)}, started ${utc(new Date(data.run.startedAt))}.`,
    `**${inline(data.headline.sentence)}** ${inline(data.headline.detail)}`,
    `${inline(data.reproducibility.sentence)}`,
    facts(data.facts),
    data.warnings.length > 0 && `Worth knowing:\n\n${data.warnings.map((w) => `- ${inline(w)}`).join("\n")}`,
    "## What was asked",
    facts(data.asked),
    space(data),
    ...scores(data),
    ...adapter(data),
    ...search(data),
    ...dataset(data),
    ...verification(data),
  ];
  return `${parts.filter(Boolean).join("\n\n")}\n`;
}

const facts = (rows: readonly Fact[]): string =>
  rows
    .map((f) => `- ${inline(f.label)}: **${inline(f.value)}**${f.note ? ` (${inline(f.note)})` : ""}`)
    .join("\n");

const space = ({ space: rows }: ReportData): string | false =>
  rows.length > 0 &&
  table(
    [{ head: "parameter" }, { head: "range" }, { head: "best quarter of the trials" }, { head: "why" }],
    rows.map((r) => [
      inlineCode(r.key),
      inline(r.range),
      inline(r.best ?? "–"),
      inline(r.reason ?? "as written"),
    ]),
  );

function scores({ scores: { columns, rows }, samples, split }: ReportData): (string | false)[] {
  if (columns.length === 0) return [];
  return [
    "## Base against winner",
    `On ${rowsOf(split)}.`,
    table(
      [{ head: "metric" }, ...columns.map((head) => ({ head: inline(head), numeric: true }))],
      rows.map((r) => [inline(r.label), ...r.values.map(number)]),
    ),
    samples.length > 0 &&
      table(
        [{ head: "asked" }, { head: "expected" }, { head: "base" }, { head: "winner" }],
        samples.map((s) => [
          inline(s.prompt),
          inlineCode(s.expected),
          answer(s.base, s.baseRight),
          answer(s.best, s.bestRight),
        ]),
      ),
  ];
}

const answer = (text: string | null, right: boolean | null): string =>
  text === null ? "–" : `${right ? "✓" : "✗"} ${text === "" ? "nothing" : inlineCode(text)}`;

function adapter({ winner, headline }: ReportData): (string | false)[] {
  if (!winner) return ["## The adapter", `None: the search has no winner. ${inline(headline.detail)}`.trim()];
  return [
    "## The adapter",
    inline(winner.reason),
    facts(winner.params),
    block(winner.fetch, "sh"),
    block(winner.python, "python"),
    files(winner.files),
    winner.hubUrl !== null && `Uploaded to ${inlineCode(winner.hubUrl)}.`,
    winner.merge !== null &&
      `Merged into the base; ${winner.merge.passed ? "checked" : "check failed"}: largest logit difference ${number(winner.merge.maxLogitDifference)} over ${count(winner.merge.rows)} rows, tolerance ${number(winner.merge.tolerance)}.`,
  ];
}

const files = (views: readonly ArtifactView[]): string =>
  table(
    [{ head: "file" }, { head: "size", numeric: true }, { head: "SHA-256" }],
    views.map((f) => [inlineCode(f.name), bytes(f.sizeBytes), inlineCode(f.sha256)]),
  );

function search(data: ReportData): (string | false)[] {
  if (data.trials.length === 0) return [];
  const { importance, gpu, timeline, objective, tableLimit } = data;
  const keys = [...new Set(data.trials.flatMap((t) => Object.keys(t.params)))];
  const shown = [...data.trials]
    .sort((a, b) => (a.rank ?? Infinity) - (b.rank ?? Infinity) || a.trial - b.trial)
    .slice(0, tableLimit);
  return [
    "## The search",
    `${gpu.processor} time: ${duration(gpu.training)} training, ${duration(gpu.evaluation)} scoring base and winner on test.${gpu.savedShare === null ? "" : ` Pruning spared ${percent(gpu.savedShare)} of the steps.`}`,
    "### Which parameter mattered",
    importance.rows.length > 0 &&
      table(
        [
          { head: "parameter" },
          { head: "importance", numeric: true },
          { head: "noise mark", numeric: true },
          { head: "values of the best quarter" },
        ],
        importance.rows.map((r) => [
          inlineCode(r.key),
          percent(r.score),
          percent(r.noise),
          inline(r.bestValues),
        ]),
      ),
    inline(importance.explanation),
    timeline.rungs.length > 0 && "### Rungs",
    timeline.rungs.length > 0 &&
      table(
        [
          "wave",
          "rung",
          "step",
          "reported",
          "went on",
          "pruned",
          `worst ${objective.label} that went on`,
        ].map((head) => ({ head, numeric: true })),
        timeline.rungs
          .slice(0, tableLimit)
          .map((r) => [
            ...[r.wave, r.rung + 1, r.step, r.reported, r.kept, r.pruned].map(count),
            number(r.cut),
          ]),
      ),
    "### All trials",
    table(
      [
        { head: "trial", numeric: true },
        { head: "state" },
        { head: objective.label, numeric: true },
        ...keys.map((key) => ({ head: inlineCode(key) })),
        { head: `${data.gpu.processor} s`, numeric: true },
        { head: "proposed by" },
        { head: "how it ended" },
      ],
      shown.map((t) => [
        t.isBest ? `**${t.trial}**` : String(t.trial),
        t.isBest ? "winner" : t.state,
        number(t.value),
        ...keys.map((key) => inline(choice(t.params[key]))),
        tenths(t.gpuSeconds),
        t.replicateOf === null ? (t.modelBased ? "model" : "draw") : `rerun of ${t.replicateOf}`,
        inline(t.ended),
      ]),
    ),
    shown.length < data.trials.length &&
      `The best ${count(shown.length)} of ${count(data.trials.length)} trials; all of them are in the manifest.`,
  ];
}

function dataset({ dataset: view }: ReportData): (string | false)[] {
  if (!view) return ["## The data", "No profile: the data set was not analysed."];
  const { labels } = view.profile;
  return [
    "## The data",
    facts(view.facts),
    labels !== null &&
      table(
        [{ head: "label" }, ...["training", "validation", "test"].map((head) => ({ head, numeric: true }))],
        labels.map((l) => [inline(l.name), count(l.train), count(l.validation), count(l.test)]),
      ),
  ];
}

function verification({
  reproducibility: repro,
  artifacts,
  artifactsNote,
  run,
}: ReportData): (string | false | null)[] {
  return [
    "## Reproduce and verify",
    inline(repro.promise),
    repro.verdict !== null &&
      table(
        [{ head: "level" }, { head: "what it checks" }, { head: "result" }, { head: "finding" }],
        repro.verdict.details.map((d) => [
          d.level,
          levelMeaning(d.level),
          d.passed ? "passed" : "**failed**",
          inline(d.message),
        ]),
      ),
    block(repro.command, "sh"),
    files([repro.manifest, ...artifacts]),
    artifactsNote,
    `Made by Belay ${inline(run.code)}.`,
  ];
}
