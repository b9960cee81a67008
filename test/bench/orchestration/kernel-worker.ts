import { Client } from "@temporalio/client";
import { NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { createKernelActivities } from "../../../activities";
import { createObjectStore } from "../../../activities/artifacts/object-store";
import { createDatabase } from "../../../activities/persistence/database";
import { repositoryRoot } from "../../../infra/setup/home.mjs";
import { readEnvironment } from "../../../workers/environment";
import { kernelWorkerOptions } from "../../../workers/kernel/worker-options";
import { createLogger, temporalLogger } from "../../../workers/logs";
import { writeReadyFile } from "../../../workers/ready-file";
import { startTelemetry } from "../../../workers/telemetry";
import { workflowBundle } from "../../../workers/workflow-bundle";
import { emptyBodies } from "./empty-bodies";

const name = "bench-kernel";

/** The kernel worker as it is shipped, but for the bodies that handle files. */
async function main(): Promise<void> {
  const environment = readEnvironment();
  const log = createLogger(name, "warn");
  const telemetry = startTelemetry(name, environment.otlpEndpoint);
  const logger = temporalLogger(log);
  Runtime.install({
    logger,
    telemetryOptions: { logging: { filter: { core: "WARN", other: "ERROR" }, forward: {} } },
  });
  const root = repositoryRoot(__dirname);
  const bundle = await workflowBundle(root, [telemetry.plugin], logger);
  const db = createDatabase({ url: environment.databaseUrl });
  const store = createObjectStore(environment.store);
  const { address, namespace } = environment.temporal;
  const connection = await NativeConnection.connect({ address });
  const temporal = new Client({ connection, namespace, plugins: [telemetry.plugin] });
  const code = { version: "0", commit: null, dirty: false };
  const worker = await Worker.create({
    ...kernelWorkerOptions(environment),
    connection,
    workflowBundle: bundle,
    activities: {
      ...createKernelActivities({ db, store, temporal, code, root, signer: null }),
      ...emptyBodies,
    },
    plugins: [telemetry.plugin],
  });
  const running = worker.run();
  writeReadyFile(environment.readyFile, name, kernelWorkerOptions(environment).taskQueue);
  await running;
  await connection.close();
  await db.close();
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
