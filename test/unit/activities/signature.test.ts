import { generateKeyPairSync, verify } from "node:crypto";
import { expect, test } from "vitest";
import { Signer } from "../../../activities/manifest/signature";
import { newSigner } from "../../support/signer";

const manifest = Buffer.from('{"_type":"https://in-toto.io/Statement/v1"}');
const text = (envelope: unknown): string => JSON.stringify(envelope);

test("a sealed manifest is accepted, and sealed again it is the same", () => {
  const signer = newSigner();
  expect(signer.problemWith(text(signer.seal(manifest)), manifest)).toBeUndefined();
  expect(signer.seal(manifest)).toEqual(signer.seal(manifest));
});

test("the signature is DSSE's: over its pre-authentication encoding, checked by the public key alone", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const signer = Signer.fromPem(privateKey.export({ type: "pkcs8", format: "pem" }) as string);
  const [signature] = signer.seal(manifest).signatures;
  const signed = Buffer.from(`DSSEv1 28 application/vnd.in-toto+json ${manifest.length} ${manifest}`);
  expect(verify(null, signed, publicKey, Buffer.from(signature?.sig ?? "", "base64"))).toBe(true);
});

test("whatever was changed is said", () => {
  const signer = newSigner();
  const sealed = signer.seal(manifest);
  const other = Buffer.from("{}");
  expect(signer.problemWith("{", manifest)).toBe("is not a DSSE envelope");
  expect(signer.problemWith(text(sealed), other)).toBe("signs another manifest than manifest.json");
  const refilled = { ...sealed, payload: other.toString("base64") };
  expect(signer.problemWith(text(refilled), other)).toBe("holds a signature that does not fit manifest.json");
  const stranger = newSigner();
  expect(signer.problemWith(text(stranger.seal(manifest)), manifest)).toBe(
    `is signed by key ${stranger.keyId}, and this installation's is ${signer.keyId}`,
  );
});

test("only an Ed25519 key signs", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  expect(() => Signer.fromPem(pem)).toThrow("expected an Ed25519 key, got ec");
});
