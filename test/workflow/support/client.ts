import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, onTestFinished } from "vitest";
import { Belay, BelayError } from "../../../client";
import type { ExperimentInput } from "../../../workflows/contracts";
import { scratchFolder } from "../../support/scratch";
import { startTemporal, type TemporalServer } from "../../support/temporal";
import { experiment } from "./experiments";

/** A Temporal server for the tests of a file, and for each of them a client that has just connected to it. */
export function connectedClient(): { server: TemporalServer; belay: Belay } {
  const found = {} as { server: TemporalServer; belay: Belay };
  beforeAll(async () => {
    found.server = await startTemporal();
  });
  afterAll(() => found.server.stop());
  beforeEach(async () => {
    const belay = await Belay.connect({ address: found.server.address });
    onTestFinished(() => belay.close());
    found.belay = belay;
  });
  return found;
}

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
