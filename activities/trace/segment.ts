import { crc32 } from "node:zlib";
import { TraceEvent } from "../../workflows/contracts";

export interface ReadSegment {
  events: TraceEvent[];
  /** The first line that is whole but wrong; what follows it is not read. */
  corrupt: { line: number; reason: string } | null;
  /** The last line was cut off: it was never acknowledged, and a later segment brings it again. */
  torn: boolean;
}

const NEWLINE = 0x0a;

/** The exact valid prefix of a segment: lines of `<crc32, 8 hex digits> <json>`, each ended by a newline. */
export function readSegment(bytes: Buffer): ReadSegment {
  const events: TraceEvent[] = [];
  let start = 0;
  for (let line = 1; start < bytes.length; line += 1) {
    const end = bytes.indexOf(NEWLINE, start);
    if (end === -1) return { events, corrupt: null, torn: true };
    const read = readLine(bytes.subarray(start, end));
    if (typeof read === "string") return { events, corrupt: { line, reason: read }, torn: false };
    events.push(read);
    start = end + 1;
  }
  return { events, corrupt: null, torn: false };
}

function readLine(line: Buffer): TraceEvent | string {
  const prefix = /^([0-9a-f]{8}) /.exec(line.subarray(0, 9).toString("latin1"))?.[1];
  if (prefix === undefined) return "it does not begin with a checksum";
  const body = line.subarray(9);
  if (crc32(body) !== Number.parseInt(prefix, 16)) return "its checksum does not match";
  try {
    const parsed = TraceEvent.safeParse(JSON.parse(body.toString("utf8")));
    return parsed.success
      ? parsed.data
      : `it is not an event: ${parsed.error.issues[0]?.path.join(".")} ${parsed.error.issues[0]?.message}`;
  } catch {
    return "it is not JSON";
  }
}
