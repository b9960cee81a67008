import { setTimeout as sleep } from "node:timers/promises";
import { Pool, type PoolClient, type QueryResult, type QueryResultRow, types } from "pg";
import { explainDatabaseError, isTransactionConflict } from "./errors";

/** Runs one statement; inside a transaction or on its own. */
export interface Queries {
  query<Row extends QueryResultRow = QueryResultRow>(
    text: string,
    values?: unknown[],
  ): Promise<QueryResult<Row>>;
}

/** PostgreSQL. Its failures are `StorageUnavailable`, `DiskFull` or `Internal`, never a driver's own error. */
export interface Database extends Queries {
  /** Runs `work` in a transaction, again from the start when the server asks for it. */
  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  url: string;
  maxConnections?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 60_000;
const MAX_CONFLICTS = 5;

/** int8 as a number: no column of ours holds more than 2^53. */
const typeParsers = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    oid === types.builtins.INT8
      ? Number
      : types.getTypeParser(oid, format as "text")) as typeof types.getTypeParser,
};

export function createDatabase({ url, maxConnections = 10 }: DatabaseOptions): Database {
  const pool = new Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    types: typeParsers,
    allowExitOnIdle: true,
  });
  // An idle connection that breaks is replaced at the next query; without a listener it would end the process.
  pool.on("error", () => {});
  const where = placeOf(url);

  const explained = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw explainDatabaseError(error, where);
    }
  };

  const attempt = async <T>(work: (queries: Queries) => Promise<T>): Promise<T> => {
    const client = await pool.connect();
    let broken = false;
    const lost = () => {
      broken = true;
    };
    // The statement under way fails by itself; without a listener a connection that breaks would end the process.
    client.on("error", lost);
    try {
      await client.query("BEGIN");
      const answer = await work(queriesOf(client));
      await client.query("COMMIT");
      return answer;
    } catch (error) {
      await client.query("ROLLBACK").catch(() => {
        broken = true;
      });
      throw error;
    } finally {
      client.off("error", lost);
      client.release(broken);
    }
  };

  return {
    query: (text, values) => explained(pool.query(text, values)),
    transaction: (work) => explained(withConflictsRetried(() => attempt(work))),
    close: () => pool.end(),
  };
}

const queriesOf = (client: PoolClient): Queries => ({ query: (text, values) => client.query(text, values) });

async function withConflictsRetried<T>(work: () => Promise<T>): Promise<T> {
  for (let conflicts = 1; ; conflicts += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isTransactionConflict(error) || conflicts >= MAX_CONFLICTS) throw error;
      await sleep(10 * conflicts);
    }
  }
}

/** host:port/database, without the password. */
function placeOf(url: string): string {
  try {
    const { host, pathname } = new URL(url);
    return `${host}${pathname}`;
  } catch {
    return "the database";
  }
}

/** JSON for a jsonb column, which cannot hold the character NUL. */
export const jsonb = (value: unknown): string | null =>
  value === undefined || value === null ? null : JSON.stringify(value).replaceAll("\\u0000", "\\ufffd");
