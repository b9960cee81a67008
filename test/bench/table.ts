/** Rows as a text table, numbers to the right. */
export function textTable(rows: readonly Record<string, string | number>[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const cells = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? "")))];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => (line[i] as string).length)));
  const isNumeric = columns.map((column) => rows.every((row) => typeof row[column] === "number"));
  const align = (text: string, i: number) =>
    isNumeric[i] ? text.padStart(widths[i] as number) : text.padEnd(widths[i] as number);
  const lines = cells.map((line) => line.map(align).join("  ").trimEnd());
  lines.splice(1, 0, widths.map((width) => "-".repeat(width)).join("  "));
  return lines.join("\n");
}

export const rounded = (value: number, digits = 1): number => Number(value.toFixed(digits));
