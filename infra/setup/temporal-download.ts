import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { isExecutableFile } from "./find-on-path";
import { folderBytes } from "./folder-size";
import { repositoryRoot } from "./home.mjs";
import { keepGroup, marked } from "./process-group.mjs";
import { megabytes, type Report } from "./report";

export const TEMPORAL_VERSION = "v1.5.1";

/** A download that brings nothing for so long is given up, and the server is built instead. */
const STALLED_AFTER_MS = 15_000;
const LOOK_EVERY_MS = 500;

/**
 * The official download, by the SDK's own downloader. It runs in a process of its own, because it can be
 * neither watched nor stopped from within. Answers false where it cannot be reached.
 */
export async function downloadTemporal(target: string, report: Report): Promise<boolean> {
  const folder = `${target}.download`;
  await mkdir(folder);
  try {
    report(`downloading the Temporal CLI ${TEMPORAL_VERSION}`);
    const script = join(repositoryRoot(), "dist", "infra", "setup", "temporal-download-process.js");
    const child = execa(process.execPath, [script, folder, TEMPORAL_VERSION], {
      env: marked(process.env),
      stdio: "ignore",
      reject: false,
      detached: true,
    });
    const release = keepGroup(child.pid);
    const watch = watchGrowth(folder, report, () => child.kill("SIGKILL"));
    const { failed } = await child.finally(() => {
      clearInterval(watch);
      // The server that the download starts for a moment goes with a download that is given up.
      release(true);
    });
    const [file] = failed ? [] : await executablesIn(folder);
    if (file) await rename(file, target);
    return file !== undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function watchGrowth(folder: string, report: Report, onStalled: () => void): NodeJS.Timeout {
  let bytes = 0;
  let grewAt = Date.now();
  return setInterval(async () => {
    const now = await folderBytes(folder);
    if (now > bytes) {
      bytes = now;
      grewAt = Date.now();
      report(`downloading the Temporal CLI ${TEMPORAL_VERSION}: ${megabytes(bytes)}`);
    } else if (Date.now() - grewAt > STALLED_AFTER_MS) onStalled();
  }, LOOK_EVERY_MS);
}

async function executablesIn(folder: string): Promise<string[]> {
  const paths = (await readdir(folder)).map((name) => join(folder, name));
  return paths.filter(isExecutableFile);
}
