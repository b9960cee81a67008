/**
 * Costs seen at each rung, for verdicts against what came before. Each rung remembers its newest ones, in single
 * precision, so that a search of any length carries a bounded state; the first 8,192 divided by the number of rungs
 * are remembered exactly.
 */
export class RungWindows {
  private readonly costs = new Map<string, number[]>();

  constructor(
    rungs: number,
    carried: Record<string, string> = {},
    readonly capacity: number = Math.max(64, Math.floor(8_192 / Math.max(1, rungs))),
  ) {
    for (const [key, packed] of Object.entries(carried)) this.costs.set(key, unpack(packed));
  }

  at(key: string): readonly number[] {
    return this.costs.get(key) ?? [];
  }

  add(key: string, cost: number): void {
    const costs = this.costs.get(key) ?? [];
    costs.push(Math.fround(cost));
    // Dropped in blocks: dropping one at a time would move the whole list for every report.
    if (costs.length >= this.capacity * 1.25) costs.splice(0, costs.length - this.capacity);
    this.costs.set(key, costs);
  }

  carry(): Record<string, string> {
    return Object.fromEntries([...this.costs].map(([key, costs]) => [key, pack(costs)]));
  }
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Base64 of little-endian float32: 5.4 characters a value, where decimal JSON takes about 19. */
export function pack(values: readonly number[]): string {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => {
    view.setFloat32(index * 4, value, true);
  });
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const bits = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    text += [18, 12, 6, 0].map((shift) => alphabet[(bits >> shift) & 63]).join("");
  }
  return text;
}

export function unpack(text: string): number[] {
  const bytes = new Uint8Array((text.length / 4) * 3);
  for (let at = 0, out = 0; at < text.length; at += 4, out += 3) {
    let bits = 0;
    for (let offset = 0; offset < 4; offset++)
      bits = (bits << 6) | alphabet.indexOf(text[at + offset] as string);
    bytes[out] = bits >> 16;
    bytes[out + 1] = bits >> 8;
    bytes[out + 2] = bits;
  }
  const view = new DataView(bytes.buffer);
  // Padding never amounts to a whole value: at most two of the bytes are beyond the last one.
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) => view.getFloat32(index * 4, true));
}
