import { describe, expect, test } from "vitest";
import { JobSpec } from "../../../../workflows/contracts";
import { baseKey } from "../../../../workflows/dispatch/base-key";
import { choosePlace, isRefused } from "../../../../workflows/dispatch/choose-place";

const job = (placement: object, gpuMemoryGiB: number | null = null): JobSpec =>
  JobSpec.parse({
    entrypoint: "training.run",
    run: "run",
    subject: "run/trial-0",
    params: {},
    placement,
    resources: { gpuMemoryGiB },
  });

describe("where a job goes", () => {
  test("to the pool, unless a place is named", () => {
    expect(choosePlace(job({}))).toMatchObject({ backend: "queue", taskQueue: "belay-gpu" });
    expect(choosePlace(job({ backend: "queue" }))).toMatchObject({ backend: "queue" });
  });

  test("to the kernel worker when asked for", () => {
    expect(choosePlace(job({ backend: "local" }))).toMatchObject({
      backend: "local",
      taskQueue: "belay-kernel",
    });
  });

  test("with its reasons", () => {
    const place = choosePlace(job({}, 24));
    expect(isRefused(place)).toBe(false);
    expect(!isRefused(place) && place.reasons.join("; ")).toContain("24 GiB");
  });

  test.each([
    [{ backend: "ssh" }, "placement.backend", /accepted: queue .* local/],
    [{ host: "gpu7" }, "placement.host", /'gpu7' .* leave it out/],
    [{ labels: ["a100", "spot"] }, "placement.labels", /'a100', 'spot'.*leave the list empty/],
  ])("%j is refused, naming the key and what would be right", (placement, path, message) => {
    const place = choosePlace(job(placement));
    expect(isRefused(place) && place.path).toBe(path);
    expect(isRefused(place) && place.message).toMatch(message);
  });
});

test("two jobs share a base when model, revision, dtype and quantisation are the same", () => {
  const model = { model_name_or_path: "a/b", revision: "1", dtype: "auto", load_in_4bit: false };
  expect(baseKey({ model })).toBe(baseKey({ model: { ...model }, other: 1 }));
  const others = [
    { model_name_or_path: "a/c" },
    { revision: null },
    { dtype: "bfloat16" },
    { load_in_4bit: true },
  ];
  const keys = new Set(others.map((change) => baseKey({ model: { ...model, ...change } })));
  expect(keys.size).toBe(4);
  expect(keys).not.toContain(baseKey({ model }));
});
