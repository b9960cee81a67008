import { join } from "node:path";
import { execa } from "execa";
import { repositoryRoot } from "../../../infra/setup/home.mjs";
import { readyTools } from "../../../infra/setup/toolchain";
import type { TrialParams } from "../../../workflows/contracts";
import type { Settings } from "./recorded-search";
import type { Rig } from "./rig";

/** A proposal on record beside the one that the record leads to. */
export interface RederivedProposal {
  trial: number;
  modelBased: boolean;
  recorded: TrialParams;
  derived: TrialParams | null;
  matches: boolean;
}

/** Makes every proposal of a run again, in a process that knows of the search what is on record. */
export async function rederiveProposals(
  rig: Rig,
  run: string,
  { search, space }: Settings,
): Promise<RederivedProposal[]> {
  const root = repositoryRoot(__dirname);
  const script = join(root, "test", "resilience", "support", "rederive_proposals.py");
  const { stdout } = await execa(readyTools(root)?.python as string, [script, run], {
    input: JSON.stringify({ search, space }),
    env: { PYTHONPATH: join(root, "gpu-worker"), DATABASE_URL: rig.info.postgres.url },
  });
  return JSON.parse(stdout);
}
