import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ExitCode } from "../../../../client/cli/exit-codes";
import { makeFolder } from "../../../../client/cli/make-folder";
import { scratchFolder } from "../../../support/scratch";

describe("a folder that a person named", () => {
  it("is made, with those above it, and may be there already", async () => {
    const folder = join(scratchFolder(), "a", "b");
    await makeFolder(folder);
    await makeFolder(folder);
    expect(statSync(folder).isDirectory()).toBe(true);
  });

  it("is refused where a file stands in its place or above it", async () => {
    const file = join(scratchFolder(), "file");
    writeFileSync(file, "");
    for (const path of [file, join(file, "below")])
      await expect(makeFolder(path)).rejects.toMatchObject({
        exitCode: ExitCode.badInput,
        message: `${file} is a file`,
      });
  });

  it.runIf(existsSync("/proc/self"))("is refused where the file system takes none", async () => {
    await expect(makeFolder("/proc/belay/result")).rejects.toMatchObject({
      exitCode: ExitCode.badInput,
      message: "the folder /proc/belay cannot be made (ENOENT)",
    });
  });
});
