import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/** Larger than any experiment a person writes, small enough that reading it costs nothing. */
export const MAX_SPEC_BYTES = 256 * 1024;

export type SpecText = { ok: true; text: string } | { ok: false; message: string };

/** Reads an experiment's text, or says in one line why not. */
export function readSpecText(path: string): SpecText {
  let handle: number;
  try {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return { ok: false, message: whyNotOpened(error as NodeJS.ErrnoException) };
  }
  try {
    const stat = fstatSync(handle);
    if (stat.isDirectory()) return { ok: false, message: "is a folder; name the experiment's YAML file" };
    if (!stat.isFile()) return { ok: false, message: "is not a regular file" };
    if (stat.size > MAX_SPEC_BYTES) return { ok: false, message: tooLarge(stat.size) };
    const bytes = Buffer.alloc(MAX_SPEC_BYTES + 1);
    const length = readSync(handle, bytes, 0, bytes.length, 0);
    if (length > MAX_SPEC_BYTES) return { ok: false, message: tooLarge(length) };
    return { ok: true, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length)) };
  } catch (error) {
    if (error instanceof TypeError) return { ok: false, message: "is not UTF-8 text" };
    return { ok: false, message: whyNotOpened(error as NodeJS.ErrnoException) };
  } finally {
    closeSync(handle);
  }
}

const tooLarge = (bytes: number): string =>
  `has ${Math.ceil(bytes / 1024)} KB; an experiment file may have at most ${MAX_SPEC_BYTES / 1024} KB`;

function whyNotOpened(error: NodeJS.ErrnoException): string {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return "no such file";
  if (error.code === "EACCES" || error.code === "EPERM") return "may not be read (permission denied)";
  return `cannot be read (${error.code ?? error.message})`;
}
