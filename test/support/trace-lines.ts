import { crc32 } from "node:zlib";
import type { TraceEvent } from "../../workflows/contracts";

/** One line of a segment, as an engine writes it. */
export function traceLine(event: TraceEvent): string {
  const body = Buffer.from(JSON.stringify(event));
  return `${crc32(body).toString(16).padStart(8, "0")} ${body.toString("utf8")}\n`;
}
