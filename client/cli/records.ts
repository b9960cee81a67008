import { Client } from "pg";

/** An artifact as recorded when it was published. */
export interface ArtifactRecord {
  name: string;
  kind: string;
  trial: number | null;
  uri: string;
  sha256: string;
  sizeBytes: number;
}

export interface RunRecordRow {
  run: string;
  state: string;
  startedAt: Date;
  endedAt: Date | null;
}

/** What Postgres remembers of runs, also of those that Temporal has forgotten. */
export class Records {
  private constructor(private readonly client: Client) {}

  static async use<T>(url: string, read: (records: Records) => Promise<T>): Promise<T> {
    const client = new Client({
      connectionString: url,
      connectionTimeoutMillis: 5000,
      application_name: "belay-cli",
    });
    // The query under way fails by itself; without a listener a connection that breaks would end the process.
    client.on("error", () => {});
    try {
      await client.connect();
    } catch (error) {
      throw new Error(`PostgreSQL does not answer: ${reasonOf(error)}`, { cause: error });
    }
    try {
      return await read(new Records(client));
    } finally {
      await client.end();
    }
  }

  async runs(limit: number): Promise<RunRecordRow[]> {
    const { rows } = await this.client.query(
      "SELECT run, state, created_at, ended_at FROM runs ORDER BY created_at DESC LIMIT $1",
      [limit],
    );
    return rows.map(runRecord);
  }

  async run(run: string): Promise<RunRecordRow | null> {
    const { rows } = await this.client.query(
      "SELECT run, state, created_at, ended_at FROM runs WHERE run = $1",
      [run],
    );
    return rows[0] ? runRecord(rows[0]) : null;
  }

  async artifacts(run: string): Promise<ArtifactRecord[]> {
    const { rows } = await this.client.query(
      "SELECT name, kind, trial, uri, sha256, size_bytes FROM artifacts WHERE run = $1 ORDER BY name",
      [run],
    );
    return rows.map(({ name, kind, trial, uri, sha256, size_bytes }) => ({
      name,
      kind,
      trial,
      uri,
      sha256,
      sizeBytes: Number(size_bytes),
    }));
  }
}

/** Several addresses were tried where the error itself says nothing. */
const reasonOf = (error: unknown): string =>
  error instanceof AggregateError && error.message === ""
    ? error.errors.map((each: Error) => each.message).join("; ")
    : String((error as Error).message ?? error);

const runRecord = (row: {
  run: string;
  state: string;
  created_at: Date;
  ended_at: Date | null;
}): RunRecordRow => ({
  run: row.run,
  state: row.state,
  startedAt: row.created_at,
  endedAt: row.ended_at,
});
