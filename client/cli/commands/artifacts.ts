import { join, resolve } from "node:path";
import type { Command } from "commander";
import { BelayError } from "../../errors";
import { insideOnly, refuseAnothers } from "../artifact-folder";
import type { Console } from "../console";
import { type Context, consoleOf, deploymentOf } from "../context";
import { ExitCode } from "../exit-codes";
import { CommandFailure } from "../failures";
import { formatBytes } from "../live/format";
import { makeFolder } from "../make-folder";
import { ObjectStore } from "../object-store";
import { type ArtifactRecord, Records } from "../records";

interface Options {
  get?: string;
  json?: boolean;
}

export function addArtifacts(program: Command, context: Context): void {
  program
    .command("artifacts")
    .description(
      "list what a run published; with --get, copy it into a folder, every file checked against its hash",
    )
    .argument("<run>", "the run's id")
    .option("--get <dir>", "copy everything into this folder")
    .option("--json", "print the list as one JSON object")
    .addHelpText("after", "\nExample:\n  npx belay artifacts quickstart-3f1c0a9b27de --get ./result")
    .action((run: string, options: Options) => showArtifacts(run, options, context));
}

async function showArtifacts(run: string, options: Options, context: Context): Promise<void> {
  const { postgres, s3 } = deploymentOf(context);
  const console = consoleOf(context, options);
  if (!postgres.url) throw notSet("DATABASE_URL");
  const { hasEnded, artifacts } = await Records.use(postgres.url, async (records) => {
    const known = await records.run(run);
    if (!known) throw new BelayError("NotFound", `there is no run ${run}`);
    return { hasEnded: known.endedAt !== null, artifacts: await records.artifacts(run) };
  });
  if (options.get !== undefined) {
    if (!s3) throw notSet("BELAY_S3_ENDPOINT and its keys");
    await copy(artifacts, new ObjectStore(s3, context.interrupt), resolve(context.cwd, options.get), console);
  } else if (artifacts.length === 0) console.say(`${run} has published nothing${hasEnded ? "" : " yet"}.`);
  else list(artifacts, console);
  if (options.json)
    console.emit({
      run,
      artifacts: artifacts.map(({ name, uri, sha256, sizeBytes }) => ({ name, uri, sha256, sizeBytes })),
    });
}

function list(artifacts: readonly ArtifactRecord[], console: Console): void {
  const width = Math.max(...artifacts.map(({ name }) => name.length));
  for (const { name, sizeBytes, uri } of artifacts)
    console.say(`${name.padEnd(width)}  ${formatBytes(sizeBytes).padStart(8)}  ${uri}`);
}

async function copy(
  artifacts: readonly ArtifactRecord[],
  store: ObjectStore,
  folder: string,
  console: Console,
): Promise<void> {
  await makeFolder(folder);
  await refuseAnothers(artifacts, folder);
  for (const artifact of artifacts) {
    const target = join(folder, insideOnly(artifact.name));
    await store.download(artifact, target);
    console.say(`${target}  ${formatBytes(artifact.sizeBytes)}`);
  }
}

const notSet = (what: string): CommandFailure =>
  new CommandFailure(ExitCode.missing, `the environment names Temporal but not the rest`, `set ${what} too`);
