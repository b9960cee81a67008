import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { missingEntries } from "../../../../infra/setup/complete-lockfile.mjs";
import { repositoryRoot } from "../../../../infra/setup/home.mjs";

test("package-lock.json names the packages of other systems too (else: node infra/setup/complete-lockfile.mjs)", () => {
  const lockfile = JSON.parse(readFileSync(join(repositoryRoot(), "package-lock.json"), "utf8"));
  expect(Object.keys(missingEntries(lockfile))).toEqual([]);
});

test("what other systems install is told apart from what this one must find", () => {
  const optionalDependencies = {
    "@tool/cli-darwin-arm64": "2.0.0",
    "@tool/linux-x64-musl": "2.0.0",
    "@tool/linux-arm64": "2.0.0",
    "not-of-a-system": "1.0.0",
    "a-range-win32-x64": "^1.0.0",
  };
  const lockfile = {
    packages: {
      "node_modules/tool": { version: "2.0.0", dev: true, optionalDependencies },
      "node_modules/@tool/linux-arm64": { version: "2.0.0" },
    },
  };
  expect(missingEntries(lockfile)).toEqual({
    "node_modules/@tool/cli-darwin-arm64": {
      version: "2.0.0",
      dev: true,
      optional: true,
      os: ["darwin"],
      cpu: ["arm64"],
    },
    "node_modules/@tool/linux-x64-musl": {
      version: "2.0.0",
      dev: true,
      optional: true,
      os: ["linux"],
      cpu: ["x64"],
      libc: ["musl"],
    },
  });
});
