import { basename } from "node:path";
import type { ResolvedSpec } from "../../workflows/contracts";
import { isLocalModel } from "../spec/inputs";

/** What a reader of the card replaces; the trainer's own paths mean nothing elsewhere, and are nobody's business. */
export const placeholders = { base: "path/to/the/base/model", adapter: "path/to/this/folder" };

/** The base's id on the hub; null for a local folder, whose name says nothing elsewhere. */
export function hubIdOf({ spec }: Pick<ResolvedSpec, "spec">): string | null {
  const name = spec.model.model_name_or_path;
  return isLocalModel(name) ? null : name;
}

/** Which base it is, so that a reader can find it again. */
export function baseLines({ spec, modelFiles }: Pick<ResolvedSpec, "spec" | "modelFiles">): string[] {
  const id = hubIdOf({ spec });
  if (id !== null) return [`[${id}](https://huggingface.co/${id}) at commit \`${spec.model.revision}\`.`];
  const weights = modelFiles.filter(({ path }) => path.endsWith(".safetensors"));
  return [
    `A model in a local folder; put your copy's place for \`${placeholders.base}\`. Its weights:`,
    "",
    "| file | sha256 |",
    "|---|---|",
    ...weights.map(({ path, sha256 }) => `| ${basename(path)} | \`${sha256}\` |`),
  ];
}
