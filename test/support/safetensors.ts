/** A safetensors file with this header, followed by as many zero bytes as its tensors need. */
export function safetensors(header: Record<string, unknown> = {}, dataBytes = 0): Buffer {
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(dataBytes)]);
}

/** For a base that is looked at and never loaded: whole, and without a tensor. */
export const baseWeights = safetensors({ __metadata__: { content: "the base" } });
