import { generateKeyPairSync } from "node:crypto";
import { Signer } from "../../activities/manifest/signature";

export const newSigner = (): Signer => {
  const { privateKey } = generateKeyPairSync("ed25519");
  return Signer.fromPem(privateKey.export({ type: "pkcs8", format: "pem" }) as string);
};
