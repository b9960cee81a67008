import { TestWorkflowEnvironment } from "@temporalio/testing";

/** The SDK offers its download only as part of starting a server: so one is started, and stopped at once. */
async function main(downloadDir: string, version: string): Promise<void> {
  const executable = { type: "cached-download", downloadDir, version } as const;
  const environment = await TestWorkflowEnvironment.createLocal({ server: { executable } });
  await environment.teardown();
}

const [, , downloadDir, version] = process.argv;
if (!downloadDir || !version) throw new Error("usage: temporal-download-process FOLDER VERSION");
main(downloadDir, version).catch(() => {
  process.exitCode = 1;
});
