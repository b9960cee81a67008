/** How a *.safetensors file begins, as somebody has read it; the weights themselves are not needed. */
export interface SafetensorsFile {
  sizeBytes: number;
  /** Its first bytes, as many as `bytesToRead` asks for. */
  start: Uint8Array;
}

/** The header's length, a little-endian number; the header, JSON, is behind it. */
export const PREFIX_BYTES = 8;
/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;
/** Enough to know a Git-LFS pointer by. */
const PEEK_BYTES = 256;
const LFS_POINTER = "version https://git-lfs.github.com/spec/";

/** How many bytes of the file to read, given its first `PREFIX_BYTES`: the header and no weights. */
export function bytesToRead(prefix: Uint8Array, sizeBytes: number): number {
  const header = headerBytes(prefix);
  const wanted = header !== undefined && header <= MAX_HEADER_BYTES ? PREFIX_BYTES + header : PEEK_BYTES;
  return Math.min(sizeBytes, wanted);
}

/** Why the file cannot be loaded, as far as its header tells; undefined: nothing speaks against it. */
export function safetensorsProblem({ sizeBytes, start }: SafetensorsFile): string | undefined {
  if (sizeBytes === 0) return "is empty; download it again";
  if (textOf(start).startsWith(LFS_POINTER))
    return "is a Git-LFS pointer, not the weights; run `git lfs pull` in its repository";
  const length = headerBytes(start);
  if (length === undefined || length > MAX_HEADER_BYTES) return "is not a safetensors file";
  const dataStart = PREFIX_BYTES + length;
  if (dataStart > sizeBytes) return cutShort(sizeBytes, `its header alone ends at byte ${dataStart}`);
  const dataBytes = endOfData(textOf(start.subarray(PREFIX_BYTES, dataStart)));
  if (dataBytes === undefined) return "has a damaged safetensors header; download it again";
  const expected = dataStart + dataBytes;
  if (sizeBytes < expected) return cutShort(sizeBytes, `its header names ${expected}`);
  if (sizeBytes > expected)
    return `is damaged: it has ${sizeBytes} bytes, its header names ${expected}; download it again`;
}

const cutShort = (sizeBytes: number, needed: string): string =>
  `is cut short: it has ${sizeBytes} bytes, ${needed}; download it again`;

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function headerBytes(start: Uint8Array): number | undefined {
  if (start.length < PREFIX_BYTES) return undefined;
  return Number(new DataView(start.buffer, start.byteOffset).getBigUint64(0, true));
}

/** Where the last tensor ends, counted from the header's end; undefined where the header is none. */
function endOfData(header: string): number | undefined {
  let tensors: unknown;
  try {
    tensors = JSON.parse(header);
  } catch {
    return undefined;
  }
  if (typeof tensors !== "object" || tensors === null || Array.isArray(tensors)) return undefined;
  let end = 0;
  for (const [name, tensor] of Object.entries(tensors as Record<string, unknown>)) {
    if (name === "__metadata__") continue;
    const last: unknown = (tensor as { data_offsets?: unknown[] } | null)?.data_offsets?.[1];
    if (typeof last !== "number") return undefined;
    end = Math.max(end, last);
  }
  return end;
}
