import { join } from "node:path";
import { runner } from "node-pg-migrate";
import { Client } from "pg";
import { repositoryRoot } from "../setup/home.mjs";

/** node-pg-migrate's table of the migrations that have run. */
const MIGRATIONS_TABLE = "belay_migrations";

export interface MigrateOptions {
  direction?: "up" | "down";
  /** How many migrations; default all. */
  count?: number;
}

/**
 * Brings the database to this version's schema (or takes it down), in one transaction. Concurrent callers wait for
 * each other. Answers with the names of the migrations that ran.
 */
export async function runMigrations(
  databaseUrl: string,
  { direction = "up", count }: MigrateOptions = {},
): Promise<string[]> {
  const dbClient = new Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000 });
  dbClient.on("error", () => {});
  await dbClient.connect();
  try {
    const ran = await runner({
      dbClient,
      dir: join(repositoryRoot(), "infra", "postgres", "migrations"),
      migrationsTable: MIGRATIONS_TABLE,
      direction,
      count: count ?? Number.POSITIVE_INFINITY,
      singleTransaction: true,
      advisoryLockMode: "wait",
      logger: quiet,
    });
    return ran.map(({ name }) => name);
  } finally {
    await dbClient.end();
  }
}

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
