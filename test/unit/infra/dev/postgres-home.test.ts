import { chmodSync, cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { postgresFolder, removePostgresFolder } from "../../../../infra/dev/servers/postgres-home";
import { unprivilegedAccount } from "../../../../infra/setup/unprivileged-account.mjs";
import { scratchFolder } from "../../../support/scratch";

const account = unprivilegedAccount();

/** Checkouts below a folder that only root can enter, and what PostgreSQL's folder is in each. */
function closedFolder() {
  const [closed, home] = [scratchFolder(), scratchFolder()];
  chmodSync(closed, 0o700);
  const at = (checkout: string) => join(closed, checkout);
  const place = (checkout: string) => join(at(checkout), ".belay", "postgres");
  return { home, at, place, folderOf: (checkout: string) => postgresFolder(place(checkout), home, account) };
}

test.skipIf(!account)("a stack that is moved keeps its data, and leaves none at its former place", () => {
  const { at, folderOf } = closedFolder();
  const folder = folderOf("belay");
  writeFileSync(join(folder, "row"), "1");
  renameSync(at("belay"), at("belay2"));
  expect(folderOf("belay2")).toBe(folder);
  const another = folderOf("belay");
  expect(another).not.toBe(folder);
  expect(existsSync(join(another, "row"))).toBe(false);
  expect([folderOf("belay2"), folderOf("belay")]).toEqual([folder, another]);
  renameSync(at("belay2"), at("belay3"));
  expect(folderOf("belay3")).toBe(folder);
});

test.skipIf(!account)(
  "a stack that is moved keeps its data though another one has its former place by now",
  () => {
    const { at, folderOf } = closedFolder();
    const folder = folderOf("belay");
    writeFileSync(join(folder, "row"), "1");
    renameSync(at("belay"), at("old"));
    const another = folderOf("belay");
    expect(another).not.toBe(folder);
    expect([folderOf("old"), folderOf("belay")]).toEqual([folder, another]);
    expect(existsSync(join(folder, "row"))).toBe(true);
  },
);

test.skipIf(!account)("a move that was cut off before the link had its name is finished", () => {
  const { place, folderOf } = closedFolder();
  const folder = folderOf("belay");
  renameSync(place("belay"), `${place("belay")}.link`);
  expect(folderOf("belay")).toBe(folder);
});

test.skipIf(!account)("a copy gets data of its own, and takes none away with it", () => {
  const { at, place, folderOf } = closedFolder();
  const folder = folderOf("belay");
  cpSync(at("belay"), at("copy"), { recursive: true, verbatimSymlinks: true });
  const own = folderOf("copy");
  expect(own).not.toBe(folder);
  removePostgresFolder(place("copy"));
  expect([folder, own].map((each) => existsSync(each))).toEqual([true, false]);
  expect(folderOf("belay")).toBe(folder);
});

test.skipIf(!account)(
  "what is left of a stack whose state was removed is not taken for the new one's",
  () => {
    const { at, folderOf } = closedFolder();
    writeFileSync(join(folderOf("belay"), "row"), "1");
    rmSync(at("belay"), { recursive: true });
    expect(existsSync(join(folderOf("belay"), "row"))).toBe(false);
  },
);

test.skipIf(!account)("data that comes to lie out of reach goes where its account can get", () => {
  const { at, folderOf } = closedFolder();
  mkdirSync(join(at("belay"), ".belay", "postgres"), { recursive: true });
  writeFileSync(join(at("belay"), ".belay", "postgres", "row"), "1");
  const folder = folderOf("belay");
  expect(folder.startsWith(at("belay"))).toBe(false);
  expect(existsSync(join(folder, "row"))).toBe(true);
  expect(folderOf("belay")).toBe(folder);
});
