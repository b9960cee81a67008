import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isAbsolute, join, normalize } from "node:path";
import { ExitCode } from "./exit-codes";
import { CommandFailure } from "./failures";
import type { ArtifactRecord } from "./records";

/** One folder must not hold parts of two runs, each of them checked. */
export async function refuseAnothers(
  artifacts: readonly Pick<ArtifactRecord, "name" | "sha256">[],
  folder: string,
): Promise<void> {
  const manifest = artifacts.find(({ name }) => name === "manifest.json");
  const there = await readFile(join(folder, "manifest.json")).catch(() => null);
  if (manifest === undefined || there === null) return;
  if (createHash("sha256").update(there).digest("hex") !== manifest.sha256)
    throw new CommandFailure(
      ExitCode.badInput,
      `${folder} holds what another run has published`,
      "name another folder, or remove this one",
    );
}

/** Names come from a record; none may lead out of the folder that the person named. */
export function insideOnly(name: string): string {
  const relative = normalize(name);
  if (isAbsolute(relative) || relative.split("/").includes(".."))
    throw new CommandFailure(
      ExitCode.failed,
      `the artifact name ${JSON.stringify(name)} leads out of the folder`,
    );
  return relative;
}
