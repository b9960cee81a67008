import { afterEach, describe, expect, it, vi } from "vitest";
import { diagnose } from "../../../../infra/dev/doctor";

const checkOfStack = async () => {
  const checks = await diagnose({ stack: null, workers: [], parts: [] });
  return checks.filter(({ name }) => name === "stack");
};

describe("doctor, where no stack is up", () => {
  afterEach(() => void vi.unstubAllEnvs());

  it("says so, and what to do", async () => {
    vi.stubEnv("TEMPORAL_ADDRESS", undefined);
    expect(await checkOfStack()).toMatchObject([{ ok: false, needed: "up", remedy: "npx belay up" }]);
  });

  it("misses nothing when another service is named", async () => {
    vi.stubEnv("TEMPORAL_ADDRESS", "temporal.example:7233");
    const found = "none; commands talk to temporal.example:7233";
    expect(await checkOfStack()).toMatchObject([{ ok: true, found }]);
  });
});
