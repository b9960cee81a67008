import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { repositoryRoot } from "../../infra/setup/home.mjs";
import { scratchFolder } from "./scratch";

/** A project of a user's own, with this package and Temporal's client installed as npm links them; gone with the test. */
export function userProject(): string {
  const root = repositoryRoot();
  const folder = scratchFolder();
  const install = (name: string, from: string) => {
    const link = join(folder, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(from, link);
  };
  install("belay", root);
  install("@temporalio/client", join(root, "node_modules", "@temporalio", "client"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  return folder;
}
