import { rounded, textTable } from "../table";
import { coldParts } from "./cold";
import type { Part } from "./timed";
import { warmParts } from "./warm";

/** Set-up from nothing where asked for, and a quick start where everything is set up. */
export async function startup({ cold }: { cold: boolean }) {
  const measured: Record<string, Part[]> = {};
  if (cold) measured.cold = await coldParts();
  measured.warm = await warmParts();
  for (const [name, parts] of Object.entries(measured)) {
    const rows = parts.map(({ part, seconds }) => ({ [`${name} start`]: part, seconds: rounded(seconds) }));
    process.stdout.write(`\n${textTable(rows)}\n`);
  }
  return measured;
}
