import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { formatIssue, InvalidExperimentError } from "../../client/spec/issue";
import { loadExperimentFile } from "../../client/spec/load";
import { baseWeights } from "./safetensors";

/** An experiment file that is right, in a folder that has what it names. */
export const GOOD = `name: demo
model:
  model_name_or_path: ./base
dataset:
  path: train.jsonl
`;

/** A folder for experiment files, there while the tests of one file run. */
export function experimentFolder(): {
  path: () => string;
  complaints: (text: string | Buffer, set?: string[]) => string[];
} {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "belay-spec-"));
    writeFileSync(join(folder, "train.jsonl"), '{"prompt":"a","completion":"b"}\n');
    mkdirSync(join(folder, "base"));
    writeFileSync(join(folder, "base", "config.json"), "{}");
    writeFileSync(join(folder, "base", "model.safetensors"), baseWeights);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** The messages for a file with this text, as a person sees them. */
  function complaintsAbout(text: string | Buffer, set: string[] = []): string[] {
    writeFileSync(join(folder, "e.yaml"), text);
    try {
      loadExperimentFile("e.yaml", { cwd: folder, set });
    } catch (error) {
      if (error instanceof InvalidExperimentError) return error.issues.map(formatIssue);
      throw error;
    }
    return [];
  }

  return { path: () => folder, complaints: complaintsAbout };
}
