/** JSON with sorted keys and no white space: equal values give equal text. */
export const canonicalJson = (value: unknown): string => JSON.stringify(value, sorted);

/** The same, indented and ended by a newline: for files that people open. */
export const readableJson = (value: unknown): string => `${JSON.stringify(value, sorted, 2)}\n`;

function sorted(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
