import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../../../activities/artifacts/object-store";
import { insideOnly, refuseAnothers } from "../../../../client/cli/artifact-folder";
import { ExitCode } from "../../../../client/cli/exit-codes";
import { scratchFolder } from "../../../support/scratch";

describe("the name of an artifact", () => {
  it.each(["../x", "/x", "a/../../b", ".."])("that leads out of the folder is refused: %s", (name) => {
    const message = `the artifact name ${JSON.stringify(name)} leads out of the folder`;
    expect(() => insideOnly(name)).toThrow(expect.objectContaining({ exitCode: ExitCode.failed, message }));
  });

  it.each([
    ["adapter/adapter_config.json", "adapter/adapter_config.json"],
    ["a/../b", "b"],
    ["..a/b..", "..a/b.."],
  ])("that stays inside is taken: %s", (name, path) => {
    expect(insideOnly(name)).toBe(path);
  });
});

describe("a folder for what a run has published", () => {
  const published = [
    { name: "metrics.json", sha256: sha256("metrics") },
    { name: "manifest.json", sha256: sha256("manifest of this run") },
  ];
  const folderWith = (manifest: string) => {
    const folder = scratchFolder();
    writeFileSync(join(folder, "manifest.json"), manifest);
    return folder;
  };

  it("is refused where it holds another run's manifest", async () => {
    const folder = folderWith("manifest of another run");
    await expect(refuseAnothers(published, folder)).rejects.toMatchObject({
      exitCode: ExitCode.badInput,
      message: `${folder} holds what another run has published`,
    });
  });

  it("is taken where it holds none, or the run's own", async () => {
    await refuseAnothers(published, scratchFolder());
    await refuseAnothers(published, folderWith("manifest of this run"));
  });

  it("is taken for a run that has no manifest to compare with", async () => {
    await refuseAnothers(published.slice(0, 1), folderWith("manifest of another run"));
  });
});
