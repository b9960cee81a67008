import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { parse } from "yaml";

/** The license that a local base's own card names; null where it has none, or the base is on the hub. */
export async function licenseOf(model: string): Promise<string | null> {
  if (!isAbsolute(model)) return null;
  const card = await readFile(join(model, "README.md"), "utf8").catch(() => "");
  const front = /^---\r?\n([\s\S]*?)\r?\n---/.exec(card)?.[1];
  if (front === undefined) return null;
  try {
    const { license } = (parse(front, { maxAliasCount: 0 }) ?? {}) as { license?: unknown };
    return typeof license === "string" ? license : null;
  } catch {
    return null;
  }
}
