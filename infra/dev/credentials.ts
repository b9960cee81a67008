import { randomBytes } from "node:crypto";
import { readJson, writeJson } from "./json-file";

/** Made once per stack, so that no two stacks on a machine share a password. */
export interface Credentials {
  postgresPassword: string;
  s3AccessKey: string;
  s3SecretKey: string;
}

export function ensureCredentials(path: string): Credentials {
  const kept = readJson<Credentials>(path);
  if (kept) return kept;
  const secret = () => randomBytes(18).toString("hex");
  const credentials = {
    postgresPassword: secret(),
    s3AccessKey: `belay-${secret().slice(0, 10)}`,
    s3SecretKey: secret(),
  };
  writeJson(path, credentials);
  return credentials;
}
