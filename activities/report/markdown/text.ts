/** Text from rows and models, made harmless inside a Markdown line or table cell. */
export const inline = (text: string): string =>
  text
    .replace(/\s*\n\s*/g, " ")
    .replace(/[\\`*_|<>[\]]/g, (c) => `\\${c}`)
    .trim();

/** Code in a table cell: longer back-tick fences than the text holds, and no cell separators. */
export function inlineCode(text: string): string {
  const flat = text
    .replace(/\s*\n\s*/g, " ")
    .replaceAll("|", "\\|")
    .trim();
  const longest = Math.max(0, ...[...flat.matchAll(/`+/g)].map((m) => m[0].length));
  const fence = "`".repeat(longest + 1);
  const pad = flat === "" || flat.startsWith("`") || flat.endsWith("`") ? " " : "";
  return `${fence}${pad}${flat}${pad}${fence}`;
}

export function block(text: string, language: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((m) => m[0].length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}

export interface Column {
  head: string;
  numeric?: boolean;
}

/** Cells are Markdown already. */
export function table(columns: Column[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(columns.map((c) => c.head)),
    line(columns.map((c) => (c.numeric ? "--:" : "---"))),
    ...rows.map(line),
  ].join("\n");
}
