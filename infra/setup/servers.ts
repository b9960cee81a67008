import { join } from "node:path";
import { ensureArtifact } from "./artifact";
import { findOnPath, isExecutableFile } from "./find-on-path";
import { type GoContext, goInstall } from "./go-toolchain";
import { MissingRequirement } from "./missing.mjs";
import { platformName } from "./platform";
import type { Report } from "./report";
import { CommandFailed } from "./run-command";
import { downloadTemporal, TEMPORAL_VERSION } from "./temporal-download";

/** A server that is taken from the machine, or obtained once and kept under BELAY_HOME. */
interface ServerProgram {
  program: string;
  /** The variable by which a person names a binary. */
  pathVariable: string;
  module: string;
  /** Places the binary at `target`; false when it cannot be had so. */
  download?: (target: string, report: Report) => Promise<boolean>;
}

/** v1.5.1 is the newest release of the CLI that `go install` accepts: later ones have replace directives. */
const TEMPORAL: ServerProgram = {
  program: "temporal",
  pathVariable: "TEMPORAL_CLI_PATH",
  module: `github.com/temporalio/cli/cmd/temporal@${TEMPORAL_VERSION}`,
  download: downloadTemporal,
};

/** The last commit of MinIO's community edition. */
const MINIO: ServerProgram = {
  program: "minio",
  pathVariable: "MINIO_PATH",
  module: "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c",
};

/** Another S3 server, for tests: of MinIO nothing but the S3 API may be relied on. */
const VERSITYGW: ServerProgram = {
  program: "versitygw",
  pathVariable: "VERSITYGW_PATH",
  module: "github.com/versity/versitygw/cmd/versitygw@v1.8.0",
};

export const ensureTemporal = (context: GoContext, report: Report) => ensureServer(TEMPORAL, context, report);

export const ensureMinio = (context: GoContext, report: Report) => ensureServer(MINIO, context, report);

export const ensureVersitygw = (context: GoContext, report: Report) =>
  ensureServer(VERSITYGW, context, report);

async function ensureServer(server: ServerProgram, context: GoContext, report: Report): Promise<string> {
  const own = fromMachine(server, context.env);
  if (own) return own;
  const folder = await ensureArtifact(
    context.home,
    {
      kind: server.program,
      inputs: [server.module, platformName()],
      build: (draft) => obtain(server, context, draft, report),
    },
    report,
  );
  return join(folder, server.program);
}

function fromMachine({ program, pathVariable }: ServerProgram, env: NodeJS.ProcessEnv): string | undefined {
  const named = env[pathVariable];
  if (!named) return findOnPath(program, env);
  if (isExecutableFile(named)) return named;
  throw new MissingRequirement(
    `${pathVariable}=${named} is not an executable file`,
    `set ${pathVariable} to the ${program} binary, or unset it`,
  );
}

async function obtain(
  server: ServerProgram,
  context: GoContext,
  draft: string,
  report: Report,
): Promise<void> {
  const target = join(draft, server.program);
  if (await server.download?.(target, report)) return;
  try {
    await goInstall(context, server.module, draft, report);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new MissingRequirement(
      `${server.program} could not be built (${error.message})`,
      `see that the Go module proxy can be reached, put ${server.program} on PATH, or set ${server.pathVariable}`,
    );
  }
}
