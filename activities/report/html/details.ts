import { drawLabels, drawLengths, labelsShown } from "../charts/data";
import { count, number, percent } from "../data/format";
import type { ReportData } from "../data/report-data";
import { levelMeaning } from "../data/winner";
import { cell, code, factList, figure, fileTable, note, num, numeric, section, table } from "./parts";
import { html, type Markup } from "./tag";

export const askedSection = (data: ReportData): Markup =>
  section(
    "asked",
    "What was asked",
    null,
    factList(data.asked),
    data.space.length > 0 &&
      table(
        data.spaceProposed ? "Search space, proposed from the data and the model" : "Search space, as given",
        ["parameter", "range", "best quarter of the trials", "why"],
        data.space.map((row) => ({
          cells: [
            cell(html`<code>${row.key}</code>`),
            cell(row.range),
            cell(row.best ?? "–"),
            cell(row.reason ?? "as written in the experiment"),
          ],
        })),
      ),
    weightsDetails(data),
    html`<details><summary>The whole experiment, every default filled in</summary>${code(data.specYaml, "yaml")}</details>`,
  );

function weightsDetails({ weights }: ReportData): Markup | null {
  if (!weights) return null;
  const { min, max } = weights.trainable;
  const trainable = min === max ? count(min) : `${count(min)} to ${count(max)}`;
  return html`<details><summary>Weights: ${trainable} trained, of a base with ${count(weights.baseParams)}</summary>
${table(
  "Adapted",
  ["weight", "shape", num("layers")],
  weights.adapted.map((w) => ({
    cells: [cell(html`<code>${w.name}</code>`), cell(w.shape), numeric(String(w.count), w.count)],
  })),
)}
${
  weights.skipped.length > 0 &&
  table(
    "Not adapted",
    ["weight", "shape", num("layers"), "why"],
    weights.skipped.map((w) => ({
      cells: [
        cell(html`<code>${w.name}</code>`),
        cell(w.shape),
        numeric(String(w.count), w.count),
        cell(w.reason),
      ],
    })),
  )
}
<h4>Memory, estimated before the start</h4>${factList(weights.memory)}</details>`;
}

export function adapter(data: ReportData): Markup {
  const { winner } = data;
  if (!winner) {
    return section(
      "adapter",
      "The adapter",
      "There is none: the search has no winner.",
      html`<p class="note" data-empty="adapter">${data.headline.detail || data.headline.sentence}</p>`,
    );
  }
  return section(
    "adapter",
    "The adapter",
    `${winner.reason}${winner.trainableParams === null ? "" : ` It has ${count(winner.trainableParams)} trained parameters.`}`,
    factList(winner.params, "facts params"),
    html`<h3>Load it</h3><p>Fetch the files; then plain PEFT loads them, without anything of Belay:</p>`,
    code(winner.fetch, "shell"),
    code(winner.python, "python"),
    fileTable("Files of the adapter", winner.files),
    winner.hubUrl !== null && html`<p>Uploaded to <code>${winner.hubUrl}</code>.</p>`,
    winner.merge &&
      html`<h3>Merged into the base</h3><p>${
        winner.merge.passed ? "Checked" : "Check failed"
      }: over ${count(winner.merge.rows)} rows the merged logits differ from the adapter's by at most ${number(winner.merge.maxLogitDifference)} (tolerance ${number(winner.merge.tolerance)}).</p>${fileTable("Files of the merged model", winner.merge.files)}`,
  );
}

export function dataset(data: ReportData): Markup {
  if (!data.dataset) return section("data", "The data", "No profile: the data set was not analysed.");
  const { facts, profile } = data.dataset;
  const { labels, duplicates, leakage } = profile;
  const examples = (title: string, rows: readonly string[]) =>
    rows.length > 0 &&
    html`<details><summary>${title}</summary><ul class="rows">${rows.map((r) => html`<li><pre>${r}</pre></li>`)}</ul></details>`;
  return section(
    "data",
    "The data",
    null,
    factList(facts),
    figure(
      "How long the rows are",
      drawLengths(profile, data.cutoff),
      [`Tokens of prompt and completion together, before truncation at ${count(data.cutoff)}.`],
      table(
        "Rows by length",
        ["tokens", num("rows")],
        profile.tokenLengths.histogram.counts.map((rows, i) => ({
          cells: [
            cell(
              `${number(profile.tokenLengths.histogram.edges[i] ?? 0)} to ${number(profile.tokenLengths.histogram.edges[i + 1] ?? 0)}`,
            ),
            numeric(count(rows), rows),
          ],
        })),
      ),
    ),
    labels !== null &&
      figure(
        "How the labels are spread",
        drawLabels(labels),
        [
          html`<span class="legend"><span class="key is-completed">training</span><span class="key is-best">validation</span><span class="key is-hollow">test</span></span>`,
          labels.length > labelsShown ? `The ${labelsShown} most frequent of ${labels.length} labels.` : null,
        ],
        table(
          "Rows by label",
          ["label", num("training"), num("validation"), num("test"), num("share")],
          labels.map((l) => ({
            cells: [
              cell(l.name),
              numeric(count(l.train), l.train),
              numeric(count(l.validation), l.validation),
              numeric(count(l.test), l.test),
              numeric(percent(l.train / Math.max(1, profile.rows.train)), l.train),
            ],
          })),
        ),
      ),
    profile.examples.length > 0 &&
      html`<h3>A few training rows, as the model sees them</h3><div class="examples">${profile.examples.map(
        (e) => html`<pre><span class="masked">${e.prompt}</span> <b>${e.completion}</b></pre>`,
      )}</div><p class="note">Only the bold part carries a loss${data.trainsOnPrompt ? "; here the prompt does too" : ""}.</p>`,
    examples("Duplicates found", duplicates.examples),
    examples("Rows that resemble a training row", leakage.examples),
    html`<details><summary>Sources</summary>${table(
      "Files that were read",
      ["file", num("rows"), num("weight"), "SHA-256"],
      profile.sources.map((s) => ({
        cells: [
          cell(html`<code>${s.path}</code>`),
          numeric(count(s.rows), s.rows),
          numeric(number(s.weight), s.weight),
          cell(html`<code class="hash">${s.sha256}</code>`),
        ],
      })),
    )}</details>`,
  );
}

export function verify(data: ReportData): Markup {
  const { reproducibility: repro } = data;
  return section(
    "verify",
    "Reproduce and verify",
    repro.sentence,
    html`<p>${repro.promise}</p>`,
    repro.verdict &&
      table(
        "Verification",
        ["level", "what it checks", "result", "finding"],
        repro.verdict.details.map((d) => ({
          cells: [
            cell(d.level),
            cell(levelMeaning(d.level)),
            cell(
              html`<span class="nowrap ${d.passed ? "pass" : "fail"}">${d.passed ? "✓ passed" : "✗ failed"}</span>`,
            ),
            cell(d.message),
          ],
        })),
      ),
    html`<p>Check it again at any time, from the manifest and the stored files alone:</p>`,
    code(repro.command, "shell"),
    fileTable("The manifest names everything below by its hash", [repro.manifest]),
    data.artifacts.length > 0 && fileTable("Stored files of the run", data.artifacts),
    note(data.artifactsNote),
    html`<p class="note">Made by Belay ${data.run.code}.</p>`,
  );
}
