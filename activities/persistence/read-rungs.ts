import type { Verdict } from "../../workflows/contracts";
import type { Queries } from "./database";

/** A value at a rung and the verdict on it, as the experiment took them. */
export interface StoredRung {
  ordinal: number;
  trial: number;
  rung: number;
  step: number;
  value: number | null;
  verdict: Verdict;
  /** How many reports the verdict had seen. */
  seen: number;
}

export async function listRungs(db: Queries, run: string): Promise<StoredRung[]> {
  const { rows } = await db.query<StoredRung>(
    "SELECT ordinal, trial, rung, step, value, verdict, seen FROM rungs WHERE run = $1 ORDER BY ordinal",
    [run],
  );
  return rows;
}
