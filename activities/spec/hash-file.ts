import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { FileDigest } from "../../workflows/contracts";

/** Hashes by path, size and time of change: the same base is hashed once per worker, not once per run. */
const known = new Map<string, string>();
const MAX_KNOWN = 10_000;

/** Hash and size of a file; `fresh`: read even when it seems to be known. */
export async function hashFile(path: string, { fresh = false } = {}): Promise<FileDigest> {
  const { size, mtimeMs, ino } = await stat(path);
  const key = `${path}\0${size}\0${mtimeMs}\0${ino}`;
  let sha256 = fresh ? undefined : known.get(key);
  if (sha256 === undefined) {
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }))
      hash.update(chunk as Buffer);
    sha256 = hash.digest("hex");
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(key, sha256);
  }
  return { path, sha256, sizeBytes: size };
}
