import { describe, expect, test } from "vitest";
import * as policies from "../../../../workflows/reliability/policies";

/** Milliseconds that a policy waits in all, between attempts that fail at once. */
function waits(retry: { maximumAttempts?: number } = {}): number {
  const { maximumAttempts = Number.POSITIVE_INFINITY } = retry;
  let total = 0;
  for (let attempt = 1; attempt < maximumAttempts; attempt++)
    total += Math.min(200 * 2 ** (attempt - 1), 30_000);
  return total;
}

const minutes = 60_000;

describe("a server that stays away", () => {
  test("is waited for about an hour by whatever needs it", () => {
    for (const { retry } of [policies.shortDatabaseWork, policies.kernelWork, policies.skillWork]) {
      expect(retry).toMatchObject({
        initialInterval: "200ms",
        backoffCoefficient: 2,
        maximumInterval: "30s",
      });
      expect(waits(retry)).toBeGreaterThan(55 * minutes);
      expect(waits(retry)).toBeLessThan(65 * minutes);
    }
  });

  test("is told about a minute after the first contact", () => {
    expect(waits(policies.firstContact.retry)).toBeGreaterThan(0.5 * minutes);
    expect(waits(policies.firstContact.retry)).toBeLessThan(2 * minutes);
  });
});
