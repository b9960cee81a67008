import { describe, expect, it } from "vitest";
import { modelFolderProblem } from "../../../workflows/contracts/experiment/model-folder";
import {
  bytesToRead,
  PREFIX_BYTES,
  safetensorsProblem,
} from "../../../workflows/contracts/experiment/safetensors-file";
import { safetensors } from "../../support/safetensors";

const header = { __metadata__: { format: "pt" }, a: { dtype: "F32", shape: [4], data_offsets: [0, 16] } };
const whole = safetensors(header, 16);
const pointer = Buffer.from(
  `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 135\n`,
);

/** The file, as somebody reads it who asks how much of it to read. */
const fileOf = (bytes: Buffer) => ({
  sizeBytes: bytes.length,
  start: bytes.subarray(0, bytesToRead(bytes.subarray(0, PREFIX_BYTES), bytes.length)),
});
const problem = (bytes: Buffer) => safetensorsProblem(fileOf(bytes));

describe("a safetensors file", () => {
  it("is whole with what its header names, in any order, or with nothing", () => {
    const two = { b: { data_offsets: [16, 24] }, a: { data_offsets: [0, 16] } };
    for (const bytes of [whole, safetensors(), safetensors(two, 24)]) expect(problem(bytes)).toBeUndefined();
  });

  it("is read no further than its header", () => {
    expect(fileOf(whole).start.length).toBe(whole.length - 16);
    expect(bytesToRead(Buffer.from("version "), 10 ** 9)).toBeLessThan(1000);
    expect(bytesToRead(Buffer.alloc(0), 0)).toBe(0);
  });

  it.each([
    ["empty", Buffer.alloc(0), "is empty; download it again"],
    ["a pointer", pointer, "is a Git-LFS pointer, not the weights; run `git lfs pull` in its repository"],
    ["a few bytes", Buffer.from("abc"), "is not a safetensors file"],
    ["a page of the web", Buffer.from("<html><body>401</body></html>"), "is not a safetensors file"],
    [
      "cut in its header",
      whole.subarray(0, 40),
      `is cut short: it has 40 bytes, its header alone ends at byte ${whole.length - 16}; download it again`,
    ],
    [
      "cut in its weights",
      whole.subarray(0, -1),
      `is cut short: it has ${whole.length - 1} bytes, its header names ${whole.length}; download it again`,
    ],
    [
      "longer",
      Buffer.concat([whole, Buffer.alloc(2)]),
      `is damaged: it has ${whole.length + 2} bytes, its header names ${whole.length}; download it again`,
    ],
    [
      "a header that is no JSON",
      Buffer.concat([whole.subarray(0, 8), Buffer.alloc(whole.length - 8, "x")]),
      "has a damaged safetensors header; download it again",
    ],
    [
      "a tensor without a place",
      safetensors({ a: { dtype: "F32" } }),
      "has a damaged safetensors header; download it again",
    ],
  ])("%s", (_what, bytes, message) => {
    expect(problem(bytes)).toBe(message);
  });
});

describe("a base model's folder", () => {
  const folder = (files: Record<string, Buffer>, texts: Record<string, string> = { "config.json": "{}" }) =>
    modelFolderProblem({
      folder: "/base",
      names: [...Object.keys(texts), ...Object.keys(files)],
      texts,
      weights: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, fileOf(bytes)])),
    });
  const index = (...shards: string[]) =>
    JSON.stringify({ weight_map: Object.fromEntries(shards.map((shard, n) => [`w${n}`, shard])) });

  it("names the file that is damaged", () => {
    expect(folder({ "model.safetensors": pointer })).toMatch(
      /^\/base\/model\.safetensors is a Git-LFS pointer/,
    );
  });

  it("is judged by the files that are loaded", () => {
    const sharded = {
      "config.json": "{}",
      "model.safetensors.index.json": index("one.safetensors", "two.safetensors"),
    };
    const shards = { "one.safetensors": whole, "two.safetensors": whole, "other.safetensors": pointer };
    expect(folder(shards, sharded)).toBeUndefined();
    expect(folder({ ...shards, "two.safetensors": pointer }, sharded)).toContain("two.safetensors is a Git");
    expect(folder({ "model.safetensors": whole, "consolidated.safetensors": pointer })).toBeUndefined();
    expect(folder({ "weights.safetensors": pointer })).toContain("weights.safetensors is a Git-LFS pointer");
  });

  it.each(["[]", "null", "3"])("needs an object in config.json, not %s", (text) => {
    expect(folder({ "model.safetensors": whole }, { "config.json": text })).toBe(
      "/base/config.json does not hold an object",
    );
  });
});
