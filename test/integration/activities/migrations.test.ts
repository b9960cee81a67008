import { Client } from "pg";
import { describe, expect, it } from "vitest";
import { runMigrations } from "../../../infra/postgres/migrate";
import { emptyDatabase } from "../../support/services";

const names = ["0001_experiments", "0002_chains", "0003_inputs"];

async function tables(url: string): Promise<string[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
    );
    return rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

describe("migrations", () => {
  it("go up, down and up again, and each runs once", async () => {
    const url = await emptyDatabase();
    expect(await runMigrations(url)).toEqual(names);
    const all = await tables(url);
    expect(all).toEqual(
      expect.arrayContaining([
        "runs",
        "trials",
        "rungs",
        "trace_events",
        "metrics",
        "artifacts",
        "checkpoints",
        "subjects",
        "epochs",
      ]),
    );
    expect(await runMigrations(url)).toEqual([]);
    expect(await runMigrations(url, { direction: "down" })).toEqual(names.toReversed());
    expect(await tables(url)).toEqual(["belay_migrations"]);
    await runMigrations(url);
    expect(await tables(url)).toEqual(all);
  });

  it("wait for each other when two start at once", async () => {
    const url = await emptyDatabase();
    const ran = await Promise.all([runMigrations(url), runMigrations(url), runMigrations(url)]);
    expect(ran.flat()).toEqual(names);
  });
});
