import { join } from "node:path";
import { execa } from "execa";
import pg from "pg";
import { Stack } from "../../infra/dev";
import { repositoryRoot } from "../../infra/setup/home.mjs";
import type { ExperimentResult } from "../../workflows/contracts";
import { brokenPromises, type CompletedTrial } from "./promises";

/** Checks what `npm run quickstart` found, after it has ended: `node dist/test/quickstart/main.js`. */
async function main(): Promise<void> {
  const root = repositoryRoot(__dirname);
  const stack = new Stack({ root }).load();
  if (!stack) throw new Error("the stack is not up: run npm run quickstart");
  const belay = join(root, "dist", "client", "cli", "main.js");
  // A finished run is not run again: this prints its result.
  const { stdout } = await execa(process.execPath, [belay, "quickstart", "--json"], { cwd: root });
  const result = JSON.parse(stdout) as ExperimentResult;
  const completed = await completedTrials(stack.postgres.url, result.run);
  for (const { trial, exactMatch } of completed)
    console.log(`trial ${trial}: exact match ${exactMatch} on validation rows`);
  const broken = brokenPromises(result, completed);
  for (const line of broken) console.error(`broken: ${line}`);
  if (broken.length === 0) console.log("The quick start's promises hold.");
  process.exitCode = broken.length === 0 ? 0 : 1;
}

async function completedTrials(url: string, run: string): Promise<CompletedTrial[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<CompletedTrial>(
      `SELECT trial, (metrics->>'exact_match')::float8 AS "exactMatch"
       FROM trials WHERE run = $1 AND state = 'completed' ORDER BY trial`,
      [run],
    );
    return rows;
  } finally {
    await client.end();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
