import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import {
  bytesToRead,
  PREFIX_BYTES,
  type SafetensorsFile,
} from "../../workflows/contracts/experiment/safetensors-file";

/** Size and header of a safetensors file; its weights are not read. */
export function readSafetensorsStart(path: string): SafetensorsFile {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const first = (bytes: number): Buffer => {
      const buffer = Buffer.alloc(bytes);
      return buffer.subarray(0, readSync(file, buffer, 0, bytes, 0));
    };
    return { sizeBytes: size, start: first(bytesToRead(first(PREFIX_BYTES), size)) };
  } finally {
    closeSync(file);
  }
}
