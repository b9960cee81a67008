import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { activitySignatures } from "../../infra/generate/activity-signatures";
import * as contracts from "../../workflows/contracts";

/** The same files are read by gpu-worker/tests/contracts/test_fixtures.py. */
interface Fixture {
  type: keyof typeof contracts;
  valid: { name: string; value: unknown; canonical?: unknown }[];
  invalid: { name: string; value: unknown }[];
}

const folder = join(__dirname, "fixtures");
const fixtures = readdirSync(folder).map(
  (file): Fixture => JSON.parse(readFileSync(join(folder, file), "utf8")),
);

function schemaOf(type: string): z.ZodType {
  const schema = contracts[type as keyof typeof contracts];
  if (!(schema instanceof z.ZodType)) throw new Error(`the contracts export no schema ${type}`);
  return schema;
}

describe.each(fixtures)("$type", ({ type, valid, invalid }) => {
  test.each(valid)("accepts: $name", ({ value, canonical }) => {
    const sent = JSON.parse(JSON.stringify(schemaOf(type).parse(value)));
    expect(sent).toStrictEqual(canonical ?? value);
    expect(JSON.parse(JSON.stringify(schemaOf(type).parse(sent)))).toStrictEqual(sent);
  });

  test.each(invalid)("refuses: $name", ({ value }) => {
    expect(schemaOf(type).safeParse(value).success).toBe(false);
  });
});

test("every type that an activity in Python takes or answers with has valid and invalid fixtures", () => {
  const file = join(__dirname, "../../workflows/contracts/activities.ts");
  const signatures = ["MlActivities", "PoolActivities", "EngineActivities"].flatMap((name) =>
    activitySignatures(file, name),
  );
  const crossing = signatures.flatMap(({ input, output }) => (output === null ? [input] : [input, output]));
  const covered = fixtures.filter(({ valid, invalid }) => valid.length > 0 && invalid.length > 0);
  expect(crossing.filter((type) => !covered.some((fixture) => fixture.type === type))).toEqual([]);
});
