import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { resolveSpec } from "../../../../activities/spec/resolve";
import { formatIssue, InvalidExperimentError } from "../../../../client/spec/issue";
import { loadExperimentFile } from "../../../../client/spec/load";
import { failureOf } from "../../../support/activity";
import { safetensors } from "../../../support/safetensors";
import { scratchFolder } from "../../../support/scratch";

const MIB = 2 ** 20;
let folder: string;
let weights: string;
beforeEach(() => {
  folder = scratchFolder();
  weights = join(folder, "base", "model.safetensors");
  mkdirSync(join(folder, "base"));
  writeFileSync(join(folder, "base", "config.json"), "{}");
  writeFileSync(join(folder, "rows.jsonl"), '{"prompt":"a","completion":"b"}\n');
  writeFileSync(join(folder, "e.yaml"), "name: demo\nmodel: ./base\ndataset: rows.jsonl\n");
  writeFileSync(weights, safetensors({ a: { dtype: "U8", shape: [MIB], data_offsets: [0, MIB] } }, MIB));
});

/** What `belay validate` says, and what `spec.resolve` does, which reads the folder where it runs. */
async function told(): Promise<string[]> {
  const spec = {
    name: "demo",
    model: { model_name_or_path: join(folder, "base") },
    dataset: join(folder, "rows.jsonl"),
  };
  const failed = await failureOf(resolveSpec(spec, { version: "0", commit: null, dirty: false }));
  expect(failed).toMatchObject({ type: "ModelUnavailable", nonRetryable: true });
  try {
    loadExperimentFile("e.yaml", { cwd: folder });
  } catch (error) {
    if (error instanceof InvalidExperimentError) return [...error.issues.map(formatIssue), failed.message];
    throw error;
  }
  return [failed.message];
}

describe("weights that no trial could load are refused before the search", () => {
  it("as a Git-LFS pointer", async () => {
    writeFileSync(
      weights,
      `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 9\n`,
    );
    const problem = `${weights} is a Git-LFS pointer, not the weights; run \`git lfs pull\` in its repository`;
    const [validate, resolve] = await told();
    expect(validate).toBe(`e.yaml:2:1 model: ${problem}`);
    expect(resolve).toContain(problem);
  });

  it("empty or cut short", async () => {
    truncateSync(weights, MIB);
    for (const message of await told()) expect(message).toContain(`is cut short: it has ${MIB} bytes`);
    truncateSync(weights, 0);
    for (const message of await told()) expect(message).toContain(`${weights} is empty`);
  });

  it("but not whole ones", () => {
    expect(loadExperimentFile("e.yaml", { cwd: folder }).spec.name).toBe("demo");
  });
});
