import { ensureTools } from "../setup/toolchain";

/** The Python of the workers, set up first where it is missing. */
export async function workerPython(root: string): Promise<string> {
  const step = (name: string) => (line: string) => process.stderr.write(`${name}: ${line}\n`);
  return (await ensureTools({ step }, root)).python;
}
