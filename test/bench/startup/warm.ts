import { join } from "node:path";
import { execa } from "execa";
import pg from "pg";
import { loadStack } from "../../../infra/dev";
import { repositoryRoot } from "../../../infra/setup/home.mjs";
import { type Part, timed } from "./timed";

const root = repositoryRoot(__dirname);
const belay = (...args: string[]) =>
  execa(process.execPath, [join(root, "dist", "client", "cli", "main.js"), ...args], {
    cwd: root,
    stdin: "ignore",
  });

/** A quick start on a machine where everything is set up, from a stack that is down. */
export async function warmParts(): Promise<Part[]> {
  await belay("down");
  const check = await timed(() =>
    execa("node", [join(root, "infra", "setup", "bootstrap.mjs")], { cwd: root }),
  );
  const stack = await timed(() => belay("up"));
  const search = await timed(() => belay("quickstart", "--new", "--json"));
  const { run } = JSON.parse(search.result.stdout) as { run: string };
  const stages = await stageParts(run);
  const inStages = stages.reduce((sum, { seconds }) => sum + seconds, 0);
  return [
    { part: "set-up checked", seconds: check.seconds },
    { part: "stack up", seconds: stack.seconds },
    ...stages,
    { part: "around the run", seconds: search.seconds - inStages },
    { part: "total", seconds: check.seconds + stack.seconds + search.seconds },
  ];
}

/** How long the run was in each stage, by its own trace. */
async function stageParts(run: string): Promise<Part[]> {
  const db = new pg.Client({ connectionString: loadStack()?.postgres.url });
  await db.connect();
  try {
    const { rows } = await db.query<{ stage: string; at: Date; ended: Date }>(
      `SELECT data->>'stage' AS stage, at, (SELECT ended_at FROM runs WHERE run = $1) AS ended
       FROM trace_events WHERE run = $1 AND kind = 'run.stage' ORDER BY at, seq`,
      [run],
    );
    return rows.map(({ stage, at, ended }, i) => {
      const until = rows[i + 1]?.at ?? ended;
      return { part: `run: ${stage}`, seconds: (until.getTime() - at.getTime()) / 1000 };
    });
  } finally {
    await db.end();
  }
}
