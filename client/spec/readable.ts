import { closeSync, constants, openSync, readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";

/** Why a file cannot be read by this account; undefined: it can. */
export function unreadable(path: string): string | undefined {
  try {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
    return undefined;
  } catch (error) {
    return cannotBeRead(path, error);
  }
}

/** The same for a folder and every file below it that counts: hidden ones do not. */
export function unreadableWithin(folder: string): string | undefined {
  try {
    const files = readdirSync(folder, { withFileTypes: true, recursive: true })
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !isHidden(relative(folder, path)))
      .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
    return files.map(unreadable).find((problem) => problem !== undefined);
  } catch (error) {
    return cannotBeRead(folder, error);
  }
}

const isHidden = (path: string): boolean => path.split("/").some((part) => part.startsWith("."));

const cannotBeRead = (path: string, error: unknown): string =>
  `${path} cannot be read (${(error as NodeJS.ErrnoException).code})`;
