import { readFileSync } from "node:fs";
import { Signer } from "../activities/manifest/signature";
import { EnvironmentError } from "./environment";

/** @throws EnvironmentError when there is a file to read and it holds no Ed25519 private key. */
export function readSigner(path: string | null): Signer | null {
  if (path === null) return null;
  try {
    return Signer.fromPem(readFileSync(path, "utf8"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EnvironmentError(
      `BELAY_SIGNING_KEY_FILE=${path} holds no Ed25519 private key in PEM: ${reason}\n` +
        "one is made by: openssl genpkey -algorithm ed25519 -out signing-key.pem",
    );
  }
}
