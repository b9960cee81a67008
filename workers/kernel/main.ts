import { Client } from "@temporalio/client";
import { NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { createKernelActivities } from "../../activities";
import { createObjectStore } from "../../activities/artifacts/object-store";
import { createDatabase } from "../../activities/persistence/database";
import { repositoryRoot } from "../../infra/setup/home.mjs";
import { readCodeIdentity } from "../code-identity";
import { EnvironmentError, readEnvironment } from "../environment";
import { createLogger, temporalLogger } from "../logs";
import { removeReadyFile, writeReadyFile } from "../ready-file";
import { readSigner } from "../signing-key";
import { startTelemetry } from "../telemetry";
import { workflowBundle } from "../workflow-bundle";
import { awaitService, ServiceUnreachable } from "./await-services";
import { keepHouse } from "./house-keeping";
import { kernelWorkerOptions } from "./worker-options";

const NAME = "belay-kernel";

/** Workflows and TypeScript activities, until SIGTERM or SIGINT. */
async function main(): Promise<void> {
  const environment = readEnvironment();
  const signer = readSigner(environment.signingKeyFile);
  const log = createLogger(NAME, environment.logLevel);
  const telemetry = startTelemetry(NAME, environment.otlpEndpoint);
  const logger = temporalLogger(log);
  Runtime.install({
    logger,
    telemetryOptions: {
      logging: { filter: { core: "WARN", other: "ERROR" }, forward: {} },
      ...telemetry.metrics,
    },
  });

  const root = repositoryRoot();
  const bundle = workflowBundle(root, [telemetry.plugin], logger);
  // Reported where it is awaited; until then it must not end the process.
  bundle.catch(() => {});
  const db = createDatabase({ url: environment.databaseUrl });
  const store = createObjectStore(environment.store);
  const { address, namespace } = environment.temporal;
  const reach = <T>(name: string, connect: () => Promise<T>) =>
    awaitService({ name, connect }, environment.startTimeoutMs, log);
  const [connection, code] = await Promise.all([
    reach(`the Temporal Service at ${address}`, () => NativeConnection.connect({ address })),
    readCodeIdentity(root),
    reach("PostgreSQL", () => db.query("SELECT FROM runs LIMIT 1")),
    reach("the object store", () => store.check()),
  ]);

  const temporal = new Client({ connection, namespace, plugins: [telemetry.plugin] });
  const worker = await Worker.create({
    ...kernelWorkerOptions(environment),
    connection,
    workflowBundle: await bundle,
    activities: createKernelActivities({ db, store, temporal, code, root, signer }),
    plugins: [telemetry.plugin],
  });
  const house = new AbortController();
  const houseKeeping = keepHouse({ db, store, temporal }, log, house.signal);
  const running = worker.run();
  writeReadyFile(environment.readyFile, NAME, kernelWorkerOptions(environment).taskQueue);
  log.info({ taskQueue: kernelWorkerOptions(environment).taskQueue, ...code }, "polling");
  try {
    await running;
  } finally {
    removeReadyFile(environment.readyFile);
    house.abort();
    await houseKeeping;
    await connection.close();
    await db.close();
    await telemetry.shutdown();
    log.info("stopped");
  }
}

main().catch((error: unknown) => {
  const expected = error instanceof EnvironmentError || error instanceof ServiceUnreachable;
  const text =
    error instanceof Error ? (expected ? error.message : (error.stack ?? error.message)) : String(error);
  createLogger(NAME, "info").fatal(text);
  process.exitCode = 1;
  // Connections that still retry must not keep a worker alive that cannot work.
  process.exit();
});
