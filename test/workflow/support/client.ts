import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { BelayError } from "../../../client";
import type { ExperimentInput } from "../../../workflows/contracts";
import { scratchFolder } from "../../support/scratch";
import { experiment } from "./experiments";

/** An experiment of its own name, over a file of its own. */
export function sample(search: ExperimentInput["search"] = {}): ExperimentInput {
  const path = join(scratchFolder(), "rows.jsonl");
  writeFileSync(path, '{"prompt":"a","completion":"b"}\n');
  return experiment(
    { num_trials: 3, max_concurrent_trials: 2, ...search },
    { name: `lab-${randomUUID().slice(0, 8)}`, dataset: { path } },
  );
}

/** The code of the error that a call ends with. */
export const codeOf = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call;
  } catch (error) {
    if (error instanceof BelayError) return error.code;
    throw error;
  }
  return "none";
};
