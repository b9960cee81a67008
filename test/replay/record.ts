/**
 * Records the histories and the workflows of a release: `node dist/test/replay/record.js v0.1.0`. Refuses to touch what is there.
 */
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { historyToJSON } from "@temporalio/common/lib/proto-utils";
import { startTemporal, type TemporalServer } from "../support/temporal";
import { createLaboratory, quietRuntime, workflowBundle } from "../workflow/support/laboratory";
import { bundlesFolder, compressed } from "./bundles";
import { checksum, checksumFile, historiesFolder } from "./histories";
import { scenarios } from "./scenarios";

/** In the repository the sources hold the histories, wherever this runs. */
const target = historiesFolder.replace(`${join("dist", "test")}`, "test");

async function record(release: string): Promise<void> {
  const folder = join(target, release);
  if (existsSync(folder)) throw new Error(`${folder} exists: stored histories are never changed`);
  mkdirSync(folder, { recursive: true });
  quietRuntime();
  const bundles = bundlesFolder.replace(join("dist", "test"), "test");
  mkdirSync(bundles, { recursive: true });
  writeFileSync(join(bundles, `${release}.js.gz`), compressed(await workflowBundle()));
  const server = await startTemporal();
  try {
    for (const { name, keep, live } of scenarios) {
      const laboratory = await createLaboratory(server);
      await laboratory.open(() => live(server, laboratory, name));
      for (const workflowId of [name, ...keep.map((id) => `${name}/${id}`)]) {
        await store(server, release, workflowId);
      }
    }
  } finally {
    await server.stop();
  }
}

/** Every execution of the workflow id, oldest first, as the server exports it: payloads stay encoded. */
async function store(server: TemporalServer, release: string, workflowId: string): Promise<void> {
  const runs: { runId: string; at: number }[] = [];
  for await (const execution of server.client.workflow.list({ query: `WorkflowId = "${workflowId}"` })) {
    runs.push({ runId: execution.runId, at: execution.startTime.getTime() });
  }
  runs.sort((a, b) => a.at - b.at);
  for (const [index, { runId }] of runs.entries()) {
    const history = await server.client.workflow.getHandle(workflowId, runId).fetchHistory();
    const name = `${release}/${workflowId.replaceAll("/", ".")}${index === 0 ? "" : `.${index + 1}`}.json`;
    writeFileSync(join(target, name), `${withoutStackTraces(historyToJSON(history))}\n`);
    appendFileSync(checksumFile.replace(historiesFolder, target), `${checksumOf(name)}  ${name}\n`);
    process.stdout.write(`${name}\n`);
  }
}

/** They name files of the machine that recorded, and mean nothing to a replay. */
const withoutStackTraces = (json: string): string =>
  JSON.stringify(JSON.parse(json), (key, value: unknown) => (key === "stackTrace" ? "" : value));

const checksumOf = (name: string): string => checksum(name, target);

const release = process.argv[2];
if (release === undefined || !/^v\d+\.\d+\.\d+$/.test(release)) {
  process.stderr.write("usage: node dist/test/replay/record.js vX.Y.Z\n");
  process.exitCode = 2;
} else {
  void record(release);
}
