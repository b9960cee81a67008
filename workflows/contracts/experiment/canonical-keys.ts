import { aliases, localAliases } from "./aliases";
import { sectionKeys } from "./sections";

/** The section of a key written at the top, as Axolotl and LLaMA-Factory have it. */
export function homeOf(key: string): { section: string; key: string } | undefined {
  for (const section of Object.keys(aliases)) {
    const canonical = own(own(aliases, section) ?? {}, key);
    if (canonical) return { section, key: canonical };
  }
  for (const section of ["model", "train", "lora", "save", "dataset", "eval", "output"])
    if (sectionKeys(section).includes(key) && !ambiguous.includes(key)) return { section, key };
  return undefined;
}

/** Keys too general to be understood without their section. */
const ambiguous = ["path", "type", "batch_size", "metrics", "format", "generation"];

/** Our name of a key that stands in a section under any of its names. */
export const canonicalKey = (section: string, written: string): string =>
  own({ ...own(aliases, section), ...own(localAliases, section) }, written) ?? written;

/** Our name of a key of the search space, and the section whose key it is. */
export function spaceKey(written: string): { section: string; key: string } {
  const bare = written.replace(/^(train|lora)\./, "");
  for (const section of ["train", "lora"]) {
    const key = own({ ...own(aliases, section), ...own(localAliases, section) }, bare);
    if (key) return { section, key };
    if (sectionKeys(section).includes(bare)) return { section, key: bare };
  }
  return { section: "train", key: bare };
}

const own = <T>(record: Record<string, T> | undefined, key: string): T | undefined =>
  record && Object.hasOwn(record, key) ? record[key] : undefined;
