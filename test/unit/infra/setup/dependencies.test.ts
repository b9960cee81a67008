import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { filesBelow, stampOf } from "../../../../infra/setup/content-stamp.mjs";
import { areInstalled } from "../../../../infra/setup/dependencies.mjs";
import { linkCli } from "../../../../infra/setup/link-cli.mjs";
import { scratchFolder } from "../../../support/scratch";

const lockfile = {
  packages: {
    "": { name: "example" },
    "node_modules/a": { version: "1.0.0" },
    "node_modules/for-another-system": { version: "2.0.0", optional: true },
  },
};

/** A checkout as npm leaves it: with its own record of what it installed. */
function checkout(installed: Record<string, { version: string }>): string {
  const root = scratchFolder();
  mkdirSync(join(root, "node_modules", "node", "bin"), { recursive: true });
  writeFileSync(join(root, "node_modules", "node", "bin", "node"), "");
  writeFileSync(join(root, "package-lock.json"), JSON.stringify(lockfile));
  for (const path of Object.keys(installed)) mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, "node_modules", ".package-lock.json"), JSON.stringify({ packages: installed }));
  return root;
}

test("packages that npm installed by the lockfile are not installed again", () => {
  expect(areInstalled(checkout({ "node_modules/a": { version: "1.0.0" } }))).toBe(true);
});

test("another version, or none, is", () => {
  expect(areInstalled(checkout({ "node_modules/a": { version: "0.9.0" } }))).toBe(false);
  expect(areInstalled(checkout({}))).toBe(false);
});

test("an installation that was interrupted is made anew: npm writes its record last", () => {
  const root = checkout({ "node_modules/a": { version: "1.0.0" } });
  const record = join(root, "node_modules", ".package-lock.json");
  writeFileSync(record, '{"packages": {"node_modules/a": {"ver');
  expect(areInstalled(root)).toBe(false);
  rmSync(record);
  expect(areInstalled(root)).toBe(false);
});

test.each(["node/bin/node", "a"])("neither stamp nor record is believed where %s is missing", (missing) => {
  const root = checkout({ "node_modules/a": { version: "1.0.0" } });
  expect(areInstalled(root)).toBe(true);
  rmSync(join(root, "node_modules", missing), { recursive: true });
  expect(existsSync(join(root, "node_modules", ".belay-stamp"))).toBe(true);
  expect(areInstalled(root)).toBe(false);
});

test("a changed lockfile is noticed although the last installation was complete", () => {
  const root = checkout({ "node_modules/a": { version: "1.0.0" } });
  expect(areInstalled(root)).toBe(true);
  const changed = { packages: { ...lockfile.packages, "node_modules/b": { version: "1.0.0" } } };
  writeFileSync(join(root, "package-lock.json"), JSON.stringify(changed));
  expect(areInstalled(root)).toBe(false);
});

test("the stamp follows contents and names, not dates or order", () => {
  const root = scratchFolder();
  mkdirSync(join(root, "deep"));
  writeFileSync(join(root, "a.ts"), "1");
  writeFileSync(join(root, "deep", "b.ts"), "2");
  writeFileSync(join(root, "c.md"), "3");
  const files = filesBelow(root, /\.ts$/);
  expect(files.map((file) => file.slice(root.length + 1)).sort()).toEqual(["a.ts", "deep/b.ts"]);
  const before = stampOf(root, files);
  expect(stampOf(root, [...files].reverse())).toBe(before);
  expect(stampOf(root, files, ["linux"])).not.toBe(before);
  writeFileSync(join(root, "a.ts"), "2");
  expect(stampOf(root, files)).not.toBe(before);
  expect(filesBelow(join(root, "missing"), /./)).toEqual([]);
});

test("the command runs the compiled entry point under the pinned Node, wherever it is called from", async () => {
  const root = scratchFolder();
  mkdirSync(join(root, "node_modules", ".bin"), { recursive: true });
  linkCli(root);
  const pinned = join(root, "node_modules", ".bin", "node");
  writeFileSync(pinned, '#!/bin/sh\necho pinned "$@"\n', { mode: 0o755 });
  const { stdout } = await execa(join(root, "node_modules", ".bin", "belay"), ["up", "a b"], { cwd: "/" });
  expect(stdout).toBe(`pinned ${join(root, "node_modules", ".bin")}/../../dist/client/cli/main.js up a b`);
});
