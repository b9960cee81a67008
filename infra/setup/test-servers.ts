import { isMissingRequirement } from "./missing.mjs";
import { ensureVersitygw } from "./servers";
import { goContext } from "./toolchain";

/** What tests need beyond the stack's own programs; prints its path on standard output. */
async function main(): Promise<void> {
  const say = (line: string) => void process.stderr.write(`versitygw: ${line}\n`);
  process.stdout.write(await ensureVersitygw(await goContext(process.env), say));
}

main().catch((error: unknown) => {
  process.stderr.write(`belay: ${error instanceof Error ? error.message : error}\n`);
  if (isMissingRequirement(error)) process.stderr.write(`       ${error.remedy}\n`);
  process.exitCode = isMissingRequirement(error) ? 3 : 1;
});
