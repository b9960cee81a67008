import { prepareBucket } from "../dev/prepare/bucket";
import { prepareDatabases } from "../dev/prepare/databases";
import { prepareNamespace } from "../dev/prepare/namespace";
import { externalServers } from "../dev/servers/external";
import { isMissingRequirement, MissingRequirement } from "../setup/missing.mjs";

/** Makes servers that run elsewhere ready for Belay: tables, bucket, search attributes. May run again at any time. */
async function main(): Promise<void> {
  const { postgres, s3, temporal } = externalServers(process.env);
  if (!postgres || !s3 || !temporal)
    throw new MissingRequirement(
      "an address is missing",
      "set DATABASE_URL, BELAY_S3_ENDPOINT with its two keys, and TEMPORAL_ADDRESS",
    );
  await prepareDatabases(postgres.url, postgres.optunaUrl);
  await prepareBucket(s3);
  await prepareNamespace(temporal.address, temporal.namespace);
}

main().catch((error: unknown) => {
  process.stderr.write(`belay: ${error instanceof Error ? error.message : String(error)}\n`);
  if (isMissingRequirement(error)) process.stderr.write(`       ${error.remedy}\n`);
  process.exitCode = isMissingRequirement(error) ? 3 : 1;
});
