import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Credentials } from "../credentials";
import type { Part } from "../part";
import { baseEnvironment } from "./environment";
import { answersHttp } from "./http";

/** MinIO on a folder, without its web console. */
export function minioPart(binary: string, folder: string, credentials: Credentials): Part {
  const data = join(folder, "data");
  const endpoint = (port: number | undefined) => `http://127.0.0.1:${port}`;
  return {
    name: "minio",
    portNames: ["s3"],
    async before() {
      mkdirSync(data, { recursive: true });
    },
    launch: ({ s3 }) => ({
      command: binary,
      args: ["server", "--quiet", "--address", `127.0.0.1:${s3}`, "--certs-dir", join(folder, "certs"), data],
      env: {
        ...baseEnvironment(),
        HOME: folder,
        MINIO_ROOT_USER: credentials.s3AccessKey,
        MINIO_ROOT_PASSWORD: credentials.s3SecretKey,
        MINIO_BROWSER: "off",
        MINIO_UPDATE: "off",
      },
      cwd: folder,
    }),
    isHealthy: ({ s3 }) => answersHttp(`${endpoint(s3)}/minio/health/ready`),
    address: ({ s3 }) => endpoint(s3),
    startWithinMs: 60_000,
  };
}
