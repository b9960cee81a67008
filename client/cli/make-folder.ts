import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { ExitCode } from "./exit-codes";
import { CommandFailure } from "./failures";

/**
 * Makes a folder that a person named, and those above it. Not `mkdir` with `recursive`: where a file system takes no
 * new folders, as /proc does, Node's goes round for ever.
 */
export async function makeFolder(path: string): Promise<void> {
  const there = await stat(path).catch(() => null);
  if (there?.isDirectory()) return;
  if (there) throw new CommandFailure(ExitCode.badInput, `${path} is a file`, "name a folder");
  await makeFolder(dirname(path));
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EEXIST")
      throw new CommandFailure(
        ExitCode.badInput,
        `the folder ${path} cannot be made (${code})`,
        "name another",
      );
  }
}
