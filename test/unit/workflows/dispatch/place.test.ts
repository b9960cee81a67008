import { describe, expect, test } from "vitest";
import { JobSpec } from "../../../../workflows/contracts";
import { baseKey } from "../../../../workflows/dispatch/base-key";
import { placeOf } from "../../../../workflows/dispatch/place";

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
  test("to the pool, and says why", () => {
    expect(placeOf(job({}))).toEqual({
      backend: "queue",
      reasons: ["no backend named: the pool serves every entrypoint"],
    });
    expect(placeOf(job({ backend: "queue" })).reasons).toEqual(["placement.backend is queue"]);
  });

  test.each([
    [{ backend: "ssh" }, null, /^placement\.backend: ssh .* accepted: queue/],
    [{ backend: "local" }, null, /^placement\.backend: local .* accepted: queue/],
    [{ host: "gpu7" }, null, /^placement\.host: 'gpu7' .* leave it out/],
    [{ labels: ["a100", "spot"] }, null, /^placement\.labels: .*'a100', 'spot'.*leave the list empty/],
    [{}, 24, /^resources\.gpuMemoryGiB: .* leave it out/],
  ])("%j with %j GiB is refused, naming the key and what would be right", (placement, memory, message) => {
    const refused = () => placeOf(job(placement, memory));
    expect(refused).toThrow(message);
    expect(refused).toThrow(expect.objectContaining({ type: "Unsupported", nonRetryable: true }));
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
