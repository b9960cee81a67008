import { expect } from "vitest";
import { runCommandLine } from "../../client/cli/command-line";
import type { StackInfo } from "../../infra/dev";

/** A command line as typed in a folder, on this stack. It must end well. */
export async function commandLine(
  args: string[],
  cwd: string,
  info: StackInfo,
): Promise<{ stdout: string; stderr: string }> {
  const written = { stdout: "", stderr: "" };
  const exitCode = await runCommandLine(args, {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    env: environmentOf(info),
    cwd,
    interrupt: new AbortController().signal,
  });
  expect(exitCode, written.stderr).toBe(0);
  return written;
}

const environmentOf = ({ temporal, postgres, s3 }: StackInfo): NodeJS.ProcessEnv => ({
  // Where set-up finds what it has built, and Python.
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  BELAY_HOME: process.env.BELAY_HOME,
  TEMPORAL_ADDRESS: temporal.address,
  DATABASE_URL: postgres.url,
  BELAY_S3_ENDPOINT: s3.endpoint,
  BELAY_S3_BUCKET: s3.bucket,
  BELAY_S3_ACCESS_KEY: s3.accessKey,
  BELAY_S3_SECRET_KEY: s3.secretKey,
});
