import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { z } from "zod";

/**
 * A signed statement, after DSSE 1.0 (github.com/secure-systems-lab/dsse): the payload travels inside, so that tools
 * such as cosign can check it with the public key and nothing else.
 */
const Envelope = z.object({
  payloadType: z.string(),
  payload: z.base64(),
  signatures: z.array(z.object({ keyid: z.string(), sig: z.base64() })).min(1),
});
export type Envelope = z.infer<typeof Envelope>;

export const PAYLOAD_TYPE = "application/vnd.in-toto+json";

/** An Ed25519 key. Equal statements get equal signatures, so a manifest written twice is the same bytes. */
export class Signer {
  /** SHA-256 over the public key's DER form, in hex: by it a reader tells keys apart. */
  readonly keyId: string;
  private readonly publicKey: KeyObject;

  private constructor(private readonly privateKey: KeyObject) {
    this.publicKey = createPublicKey(privateKey);
    this.keyId = createHash("sha256")
      .update(this.publicKey.export({ type: "spki", format: "der" }))
      .digest("hex");
  }

  /** @throws Error when the text is not an Ed25519 private key in PEM. */
  static fromPem(pem: string): Signer {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType !== "ed25519")
      throw new Error(`expected an Ed25519 key, got ${key.asymmetricKeyType}`);
    return new Signer(key);
  }

  seal(payload: Buffer): Envelope {
    const signature = sign(null, encoded(PAYLOAD_TYPE, payload), this.privateKey);
    return {
      payloadType: PAYLOAD_TYPE,
      payload: payload.toString("base64"),
      signatures: [{ keyid: this.keyId, sig: signature.toString("base64") }],
    };
  }

  /** What is wrong with an envelope that should hold this payload, signed by this key; undefined: nothing. */
  problemWith(text: string, payload: Buffer): string | undefined {
    const parsed = Envelope.safeParse(jsonOr(text));
    if (!parsed.success) return "is not a DSSE envelope";
    const { payloadType, payload: sealed, signatures } = parsed.data;
    if (payloadType !== PAYLOAD_TYPE || !Buffer.from(sealed, "base64").equals(payload))
      return "signs another manifest than manifest.json";
    const own = signatures.find(({ keyid }) => keyid === this.keyId);
    if (!own) return `is signed by key ${signatures[0]?.keyid}, and this installation's is ${this.keyId}`;
    const isGood = verify(
      null,
      encoded(payloadType, payload),
      this.publicKey,
      Buffer.from(own.sig, "base64"),
    );
    return isGood ? undefined : "holds a signature that does not fit manifest.json";
  }
}

/** DSSE's pre-authentication encoding: what is signed binds the type to the payload. */
const encoded = (type: string, payload: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `), payload]);

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
