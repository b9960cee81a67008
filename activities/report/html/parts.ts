import { bytes } from "../data/format";
import type { ArtifactView, Fact } from "../data/report-data";
import { html, Markup } from "./tag";

export const section = (
  id: string,
  title: string,
  lead: string | Markup | null,
  ...body: (Markup | null | false)[]
): Markup =>
  html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
${lead && html`<p class="lead">${lead}</p>`}
${body}
</section>`;

/** A chart with its caption; the table with the same facts stays within reach. */
export const figure = (
  title: string,
  svg: string,
  caption: (string | Markup | null)[],
  table: Markup | null = null,
): Markup =>
  html`<figure>
<h3>${title}</h3>
<div class="chart" tabindex="0" role="group" aria-label="${title}">${new Markup(svg)}</div>
<figcaption>${caption.filter(Boolean).map((text) => html`<p>${text}</p>`)}</figcaption>
${table && html`<details><summary>As a table</summary>${table}</details>`}
</figure>`;

export interface Cell {
  content: string | Markup;
  /** Sort key where the text would sort wrongly. */
  sort?: number | string | null;
  numeric?: boolean;
}

export const cell = (content: string | Markup): Cell => ({ content });
export const numeric = (content: string, sort: number | null = null): Cell => ({
  content,
  sort,
  numeric: true,
});

export interface Row {
  cells: Cell[];
  trial?: number;
  className?: string;
}

export function table(
  caption: string,
  head: (string | { text: string; numeric: true })[],
  rows: Row[],
  sortable = false,
): Markup {
  const heading = (h: (typeof head)[number]) => {
    const text = typeof h === "string" ? h : h.text;
    return html`<th scope="col"${typeof h === "string" ? null : new Markup(' class="num"')}>${sortable ? html`<button type="button" class="sort">${text}</button>` : text}</th>`;
  };
  return html`<div class="scroll" tabindex="0" role="group" aria-label="${caption}"><table${sortable ? new Markup(" data-sortable") : null}>
<caption>${caption}</caption>
<thead><tr>${head.map(heading)}</tr></thead>
<tbody>${rows.map(
    (
      row,
    ) => html`<tr${row.trial === undefined ? null : html` data-trial="${row.trial}"`}${row.className ? html` class="${row.className}"` : null}>${row.cells.map(
      (c) =>
        html`<td${c.numeric ? new Markup(' class="num"') : null}${c.sort === undefined || c.sort === null ? null : html` data-sort="${c.sort}"`}>${c.content}</td>`,
    )}</tr>
`,
  )}</tbody></table></div>`;
}

export const num = (text: string): { text: string; numeric: true } => ({ text, numeric: true });

export const factList = (facts: readonly Fact[], className = "facts"): Markup =>
  html`<dl class="${className}">${facts.map(
    (f) =>
      html`<div><dt>${f.label}</dt><dd>${behindSlashes(f.value)}${f.note && html`<small>${f.note}</small>`}</dd></div>`,
  )}</dl>`;

export const fileTable = (caption: string, files: readonly ArtifactView[]): Markup =>
  table(
    caption,
    ["file", num("size"), "SHA-256"],
    files.map((f) => ({
      cells: [
        cell(html`<code>${f.name}</code>`),
        numeric(bytes(f.sizeBytes), f.sizeBytes),
        cell(html`<code class="hash">${f.sha256}</code>`),
      ],
    })),
  );

export const note = (text: string | null): Markup | null => (text ? html`<p class="note">${text}</p>` : null);
export const state = (name: string): Markup => html`<span class="state is-${name}">${name}</span>`;
export const code = (text: string, language: string): Markup =>
  html`<div class="code"><button type="button" class="copy" hidden>Copy</button><pre><code data-language="${language}">${text}</code></pre></div>`;

/** A long path breaks behind its slashes before it breaks in the middle of a name. */
const behindSlashes = (text: string): Markup[] =>
  text.split(/(?<=\/)/).map((part, i) => (i === 0 ? html`${part}` : html`<wbr>${part}`));
