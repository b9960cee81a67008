import { Client, DatabaseError, escapeIdentifier } from "pg";
import { runMigrations } from "../../postgres/migrate";

/** Creates what is missing: both databases, pgvector and Belay's tables in the first; the second is Optuna's own. */
export async function prepareDatabases(belayUrl: string, optunaUrl: string): Promise<void> {
  await createIfMissing(belayUrl);
  await createIfMissing(optunaUrl);
  await query(belayUrl, "CREATE EXTENSION IF NOT EXISTS vector");
  await runMigrations(belayUrl);
}

/** SQLAlchemy, which Optuna uses, wants the driver's name in the scheme. */
export function sqlAlchemyUrl(url: string): string {
  return url.replace(/^postgres(ql)?(\+\w+)?:/, "postgresql+psycopg:");
}

const NO_SUCH_DATABASE = "3D000";
const DUPLICATE_DATABASE = "42P04";

async function createIfMissing(url: string): Promise<void> {
  try {
    await query(url, "SELECT 1");
  } catch (error) {
    if (!hasCode(error, NO_SUCH_DATABASE)) throw error;
    await create(url);
  }
}

/** PostgreSQL has no CREATE DATABASE IF NOT EXISTS: when two create it at once, one of them finds it there. */
async function create(url: string): Promise<void> {
  const maintenance = new URL(url);
  const name = decodeURIComponent(maintenance.pathname.slice(1));
  maintenance.pathname = "/postgres";
  try {
    await query(maintenance.href, `CREATE DATABASE ${escapeIdentifier(name)}`);
  } catch (error) {
    if (!hasCode(error, DUPLICATE_DATABASE)) throw error;
  }
}

async function query(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  // The query under way fails by itself; without a listener a connection that breaks would end the process.
  client.on("error", () => {});
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof DatabaseError && error.code === code;
