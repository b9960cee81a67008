import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { answersHttp } from "../../infra/dev/servers/http";
import { ensureVersitygw } from "../../infra/setup/servers";
import { goContext } from "../../infra/setup/toolchain";
import type { S3Access } from "./services";
import { until } from "./until";
import { unusedPort } from "./unused-port";

/** Another S3 server than the stack's, on a folder of its own; `stop` removes both. */
export async function startVersitygw(): Promise<S3Access & { stop: () => Promise<void> }> {
  const binary = await ensureVersitygw(await goContext(process.env), () => {});
  const folder = mkdtempSync(join(tmpdir(), "belay-versitygw-"));
  const [data, versions] = ["data", "versions"].map((name) => join(folder, name)) as [string, string];
  for (const path of [data, versions]) mkdirSync(path);
  const port = await unusedPort();
  const [accessKey, secretKey] = ["belay-test", randomBytes(16).toString("hex")] as const;
  const listen = ["--port", `127.0.0.1:${port}`, "--health", "/health", "--quiet"];
  const child = execa(binary, [...listen, "posix", "--versioning-dir", versions, data], {
    env: { ROOT_ACCESS_KEY: accessKey, ROOT_SECRET_KEY: secretKey },
    stdio: "ignore",
    reject: false,
  });
  const stop = async () => {
    child.kill("SIGTERM");
    await child;
    await rm(folder, { recursive: true, force: true });
  };
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    await until(() => answersHttp(`${endpoint}/health`), "versitygw");
  } catch (error) {
    await stop();
    throw error;
  }
  return { endpoint, accessKey, secretKey, stop };
}
