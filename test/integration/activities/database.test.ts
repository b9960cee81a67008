import { describe, expect, it } from "vitest";
import type { Database, Queries } from "../../../activities/persistence/database";
import { failureOf } from "../../support/activity";
import { freshDatabase } from "../../support/services";
import { until } from "../../support/until";

const pidOf = async (queries: Queries): Promise<number> =>
  (await queries.query<{ pid: number }>("SELECT pg_backend_pid() AS pid")).rows[0]?.pid as number;

async function end(db: Database, pid: number): Promise<void> {
  await db.query("SELECT pg_terminate_backend($1)", [pid]);
  const sessions = () => db.query("SELECT 1 FROM pg_stat_activity WHERE pid = $1", [pid]);
  await until(async () => (await sessions()).rowCount === 0, "the connection is gone");
}

// What nobody listens to would end the process, and fails the file here.
describe("a connection that breaks inside a transaction", () => {
  it("between two statements is told as storage that does not answer", async () => {
    const { db } = await freshDatabase();
    const failed = await failureOf(
      db.transaction(async (tx) => {
        await end(db, await pidOf(tx));
        await tx.query("SELECT 1");
      }),
    );
    expect(failed).toMatchObject({ type: "StorageUnavailable", nonRetryable: false });
    expect((await db.query("SELECT 1")).rowCount).toBe(1);
  });

  it("during a statement is told the same, and nothing of the transaction stays", async () => {
    const { db } = await freshDatabase();
    await db.query("CREATE TABLE kept (n integer)");
    const failed = await failureOf(
      db.transaction(async (tx) => {
        await tx.query("INSERT INTO kept VALUES (1)");
        const pid = await pidOf(tx);
        const waiting = tx.query("SELECT pg_sleep(60)");
        const [outcome] = await Promise.allSettled([waiting, end(db, pid)]);
        if (outcome.status === "rejected") throw outcome.reason;
      }),
    );
    expect(failed).toMatchObject({ type: "StorageUnavailable", nonRetryable: false });
    expect((await db.query("SELECT 1 FROM kept")).rowCount).toBe(0);
  });
});
