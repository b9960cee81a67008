import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { resolveSpec } from "../../../activities/spec/resolve";
import { failureOf } from "../../support/activity";
import { baseWeights } from "../../support/safetensors";
import { scratchFolder } from "../../support/scratch";

/** A superuser may read every file, so that the refusal has to be played. */
const denied = vi.hoisted(() => ({ toLook: false, toOpen: "" }));

const refusal = (path: string) =>
  Object.assign(new Error(`EACCES: permission denied, open '${path}'`), { code: "EACCES" });

vi.mock("node:fs/promises", async (original) => ({
  ...(await original<object>()),
  access: async (path: string) => {
    if (denied.toLook) throw refusal(path);
  },
}));

vi.mock("../../../activities/spec/hash-file", () => ({
  hashFile: async (path: string) => {
    if (path.endsWith(denied.toOpen)) throw refusal(path);
    return { path, sha256: "", sizeBytes: 1 };
  },
}));

afterEach(() => {
  Object.assign(denied, { toLook: false, toOpen: "nothing" });
});

function resolve() {
  const folder = scratchFolder();
  mkdirSync(join(folder, "model"));
  for (const name of ["model/config.json", "rows.jsonl"]) writeFileSync(join(folder, name), "{}\n");
  writeFileSync(join(folder, "model", "model.safetensors"), baseWeights);
  const spec = { name: "a", model: join(folder, "model"), dataset: join(folder, "rows.jsonl") };
  return failureOf(resolveSpec(spec, { version: "0", commit: null, dirty: false }));
}

describe("a file that this worker may not read", () => {
  it("is refused with its key before it is hashed", async () => {
    denied.toLook = true;
    expect(await resolve()).toMatchObject({
      type: "InvalidSpec",
      nonRetryable: true,
      message: expect.stringMatching(/^dataset(\.path)?: .*rows\.jsonl cannot be read \(EACCES\)$/),
    });
  });

  it.each([
    ["rows.jsonl", "InvalidSpec"],
    ["model.safetensors", "ModelUnavailable"],
  ])("%s is refused as %s where that shows only then", async (name, type) => {
    denied.toOpen = name;
    expect(await resolve()).toMatchObject({
      type,
      nonRetryable: true,
      message: expect.stringMatching(/cannot be read \(EACCES\)$/),
    });
  });
});
