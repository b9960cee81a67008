import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fingerprint } from "../../../../client/spec/fingerprint";
import type { ExperimentSpec } from "../../../../workflows/contracts";
import { scratchFolder } from "../../../support/scratch";

test("a folder counts by its files and what its links lead to, wherever it lies", async () => {
  const hashOf = (folder: string) => {
    const spec = { model: { model_name_or_path: folder } } as ExperimentSpec;
    return fingerprint(spec, [{ path: ["model", "model_name_or_path"], absolute: folder }]);
  };
  const folderOf = (weights: string) => {
    const folder = scratchFolder();
    const blobs = scratchFolder();
    writeFileSync(join(folder, "config.json"), "{}");
    writeFileSync(join(blobs, "blob"), weights);
    mkdirSync(join(blobs, "onnx"));
    // As a hub cache lays a model out; a link to a folder, and one to nowhere, are no files.
    symlinkSync(join(blobs, "blob"), join(folder, "model.safetensors"));
    symlinkSync(join(blobs, "onnx"), join(folder, "onnx"));
    symlinkSync(join(blobs, "gone"), join(folder, "gone.json"));
    return folder;
  };
  const known = await hashOf(folderOf("weights"));
  expect(await hashOf(folderOf("weights"))).toBe(known);
  expect(await hashOf(folderOf("other weights"))).not.toBe(known);
});
