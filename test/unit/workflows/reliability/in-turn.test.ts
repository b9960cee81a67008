import { describe, expect, it } from "vitest";
import { Turns } from "../../../../workflows/reliability/in-turn";

describe("turns", () => {
  it("starts a call only when the one before has ended, in the order of asking", async () => {
    const log: string[] = [];
    const ends: (() => void)[] = [];
    const activities = new Turns().of({
      work: (name: string) => {
        log.push(`start ${name}`);
        return new Promise<string>((resolve) => {
          ends.push(() => {
            log.push(`end ${name}`);
            resolve(name);
          });
        });
      },
    });
    const all = [activities.work("a"), activities.work("b"), activities.work("c")];
    for (const [index, each] of all.entries()) {
      await new Promise(setImmediate);
      expect(ends).toHaveLength(index + 1);
      ends[index]?.();
      await each;
    }
    expect(log).toEqual(["start a", "end a", "start b", "end b", "start c", "end c"]);
  });

  it("is shared by everything of one workflow, and survives failures", async () => {
    const turns = new Turns();
    const first = turns.of({ fail: () => Promise.reject(new Error("no")) });
    const second = turns.of({ work: () => Promise.resolve("yes") });
    const failed = first.fail();
    const worked = second.work();
    await expect(failed).rejects.toThrow("no");
    await expect(worked).resolves.toBe("yes");
  });
});
