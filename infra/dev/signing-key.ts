import { generateKeyPairSync } from "node:crypto";
import { existsSync } from "node:fs";
import { writeOwn } from "./json-file";

/** The key with which this stack signs its manifests: made once, readable by its owner alone. */
export function ensureSigningKey(path: string): void {
  if (existsSync(path)) return;
  const { privateKey } = generateKeyPairSync("ed25519");
  writeOwn(path, privateKey.export({ type: "pkcs8", format: "pem" }) as string);
}
