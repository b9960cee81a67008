import { describe, expect, it } from "vitest";
import { Interrupted } from "../../../../client/cli/failures";
import { unlessInterrupted } from "../../../../client/cli/interruption";

const never = () => new Promise<never>(() => {});

describe("a command that is interrupted", () => {
  it("is left behind when it does not end", async () => {
    const interrupt = new AbortController();
    const outcome = unlessInterrupted(never(), interrupt.signal, 0);
    interrupt.abort();
    await expect(outcome).rejects.toThrow(Interrupted);
    await expect(unlessInterrupted(never(), interrupt.signal, 0)).rejects.toThrow(Interrupted);
  });

  it("ends by its own account when it ends in time, and so does one that is not", async () => {
    const interrupt = new AbortController();
    expect(await unlessInterrupted(Promise.resolve(1), interrupt.signal)).toBe(1);
    interrupt.abort();
    const own = Promise.reject(new Error("its own"));
    await expect(unlessInterrupted(own, interrupt.signal)).rejects.toThrow("its own");
  });
});
