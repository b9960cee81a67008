import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { belayHome, repositoryRoot } from "../../../../infra/setup/home.mjs";
import { checkNode, checkPython, preflight } from "../../../../infra/setup/preflight.mjs";
import { findPython, isNewEnough } from "../../../../infra/setup/python-interpreter.mjs";
import { unprivilegedAccount } from "../../../../infra/setup/unprivileged-account.mjs";
import { scratchFolder } from "../../../support/scratch";

/** A folder to be PATH, with programs that answer the interpreter's probe. */
function pythons(answers: Record<string, [version: string, canInstall: string]>): NodeJS.ProcessEnv {
  const folder = scratchFolder();
  for (const [name, [version, canInstall]] of Object.entries(answers)) {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\nprintf '%s\\n' "${path}" ${version} ${canInstall}\n`);
    chmodSync(path, 0o755);
  }
  return { PATH: folder };
}

test.each([
  ["3.11.0", true],
  ["3.14.2", true],
  ["3.10.12", false],
  ["2.7.18", false],
  ["4.0.0", false],
])("Python %s is new enough: %s", (version, expected) => {
  expect(isNewEnough(version)).toBe(expected);
});

test("an old python3 does not hide a newer one under its full name", async () => {
  const env = pythons({ python3: ["3.9.2", "venv"], "python3.12": ["3.12.1", "venv"] });
  const { interpreter } = await findPython(env);
  expect(interpreter).toMatchObject({ command: "python3.12", version: "3.12.1", canInstall: "venv" });
});

test("BELAY_PYTHON is taken alone", async () => {
  const env = pythons({ python3: ["3.12.1", "venv"], mine: ["3.11.4", "pip"] });
  const { interpreter } = await findPython({ ...env, BELAY_PYTHON: "mine" });
  expect(interpreter).toMatchObject({ version: "3.11.4", canInstall: "pip" });
});

test("a Python that can install nothing is named with its remedy", async () => {
  const check = await checkPython(pythons({ python3: ["3.12.3", "nothing"] }));
  expect(check).toMatchObject({ ok: false, found: "python3 3.12.3 without venv and pip" });
  expect(check.remedy).toContain("apt install python3-venv");
});

test("no Python at all", async () => {
  expect(await checkPython(pythons({}))).toMatchObject({ ok: false, found: "none on PATH" });
});

test("Node 18 is too old, Node 20 is not", () => {
  expect(checkNode("18.20.4")).toMatchObject({ ok: false, found: "18.20.4", needed: ">= 20" });
  expect(checkNode("20.0.0").ok).toBe(true);
});

test("this machine passes, with what was found beside what is needed", async () => {
  const checks = await preflight({ root: repositoryRoot(), home: belayHome() });
  for (const check of checks) {
    expect(check, check.name).toMatchObject({ ok: true });
    expect(check.found).not.toBe("");
    expect(check.remedy).not.toBe("");
  }
});

test("BELAY_HOME, else a folder of the account's own; root's is within everybody's reach", () => {
  expect(belayHome({ BELAY_HOME: "/srv/belay" }, 0)).toBe("/srv/belay");
  expect(belayHome({}, 0)).toBe("/var/cache/belay");
  expect(belayHome({ XDG_CACHE_HOME: "/srv/cache" }, 1000)).toBe("/srv/cache/belay");
});

test("root runs PostgreSQL as nobody, or else as daemon; others run it as themselves", () => {
  const passwd =
    "root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\nnobody:x:65534:65533::/:/bin/false\n";
  expect(unprivilegedAccount(0, passwd)).toEqual({ name: "nobody", uid: 65534, gid: 65533 });
  expect(unprivilegedAccount(0, "daemon:x:1:1::/:/bin/false\n")).toEqual({ name: "daemon", uid: 1, gid: 1 });
  expect(unprivilegedAccount(0, "nobody:x:0:0::/:/bin/false\n")).toBeUndefined();
  expect(unprivilegedAccount(1000, passwd)).toBeUndefined();
});

test("the repository is found from the sources and from dist/", () => {
  const root = scratchFolder();
  mkdirSync(join(root, "dist", "infra", "setup"), { recursive: true });
  writeFileSync(join(root, "package-lock.json"), "{}");
  expect(repositoryRoot(join(root, "dist", "infra", "setup"))).toBe(root);
});
