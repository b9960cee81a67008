import { appendFileSync, existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { acquire, withLock } from "../../../../infra/setup/lock.mjs";
import { processSpace, startTimeOf } from "../../../../infra/setup/process-identity.mjs";
import { runModule } from "../../../support/child";
import { scratchFolder } from "../../../support/scratch";

const LOCK_MODULE = pathToFileURL(join(__dirname, "../../../../infra/setup/lock.mjs")).href;

/** Enters and leaves the lock a few times, and writes down each of it. */
const VISITOR = `
import { appendFileSync } from "node:fs";
import { withLock } from "${LOCK_MODULE}";
const [, , lock, diary] = process.argv;
for (let i = 0; i < 10; i++)
  await withLock(lock, async () => {
    appendFileSync(diary, "in " + process.pid + "\\n");
    await new Promise((resolve) => setImmediate(resolve));
    appendFileSync(diary, "out " + process.pid + "\\n");
  }, { pollMs: 1 });
`;

const HOLDER = `
import { acquire } from "${LOCK_MODULE}";
await acquire(process.argv[2]);
console.log("held");
setInterval(() => {}, 1000);
`;

function expectNoOverlap(diary: string, visits: number): void {
  const lines = readFileSync(diary, "utf8").trim().split("\n");
  expect(lines).toHaveLength(2 * visits);
  for (let i = 0; i < lines.length; i += 2)
    expect([lines[i], lines[i + 1]]).toEqual([lines[i], lines[i]?.replace("in", "out")]);
}

test("processes that take the same lock never hold it together", async () => {
  const folder = scratchFolder();
  const [lock, diary] = [join(folder, "lock"), join(folder, "diary")];
  const visitors = Array.from({ length: 4 }, () => runModule(VISITOR, [lock, diary]));
  expect(await Promise.all(visitors.map((each) => each.ended()))).toEqual([0, 0, 0, 0]);
  expectNoOverlap(diary, 40);
  expect(existsSync(lock)).toBe(false);
});

test("a lock whose holder was killed is taken over, by one waiter at a time", async () => {
  const folder = scratchFolder();
  const [lock, diary] = [join(folder, "lock"), join(folder, "diary")];
  const holder = runModule(HOLDER, [lock]);
  expect(await holder.line()).toBe("held");
  const visitors = Array.from({ length: 4 }, () => runModule(VISITOR, [lock, diary]));
  holder.process.kill("SIGKILL");
  expect(await holder.ended()).toBe("SIGKILL");
  await Promise.all(visitors.map((each) => each.ended()));
  expectNoOverlap(diary, 40);
});

test("a living holder is waited for, and named once", async () => {
  const lock = join(scratchFolder(), "lock");
  const release = await acquire(lock);
  const waitedFor: number[] = [];
  const order: string[] = [];
  const later = withLock(lock, async () => void order.push("second"), {
    pollMs: 1,
    onWait: ({ pid }) => {
      waitedFor.push(pid);
      order.push("first");
      release();
    },
  });
  await later;
  expect(order).toEqual(["first", "second"]);
  expect(waitedFor).toEqual([process.pid]);
});

test("a process id that was handed out again does not keep a lock", async () => {
  const lock = join(scratchFolder(), "lock");
  const before = { pid: process.pid, startTime: "1", space: processSpace(), nonce: "before" };
  writeFileSync(lock, JSON.stringify(before));
  expect(startTimeOf(process.pid)).not.toBe("1");
  await expect(withLock(lock, async () => "mine", { pollMs: 1 })).resolves.toBe("mine");
});

test("a holder in another container keeps its lock for as long as it touches it", async () => {
  const lock = join(scratchFolder(), "lock");
  writeFileSync(lock, JSON.stringify({ pid: 1, startTime: "1", space: "another", nonce: "theirs" }));
  const events: string[] = [];
  await withLock(lock, async () => void events.push("taken"), {
    pollMs: 1,
    onWait: () => {
      events.push("waited");
      const longAgo = new Date(Date.now() - 3_600_000);
      utimesSync(lock, longAgo, longAgo);
    },
  });
  expect(events).toEqual(["waited", "taken"]);
});

test("a damaged lock blocks nobody", async () => {
  const lock = join(scratchFolder(), "lock");
  appendFileSync(lock, "{");
  await expect(withLock(lock, async () => "mine", { pollMs: 1 })).resolves.toBe("mine");
});

test("the lock is free again after a failure", async () => {
  const lock = join(scratchFolder(), "lock");
  const failing = withLock(lock, () => Promise.reject(new Error("on purpose")));
  await expect(failing).rejects.toThrow("on purpose");
  expect(existsSync(lock)).toBe(false);
});
