import { expect, test } from "vitest";
import { layoutOf } from "../../../../infra/dev/layout";
import { ProcessRecords } from "../../../../infra/dev/processes/records";
import { statusOf } from "../../../../infra/dev/status";
import { startTimeOf } from "../../../../infra/setup/process-identity.mjs";
import { scratchFolder } from "../../../support/scratch";
import { unusedPort } from "../../../support/unused-port";

test("a worker that belongs to the stack and never came up is down, though an up noted down others alone", async () => {
  const layout = layoutOf(scratchFolder());
  const records = new ProcessRecords(layout.processes, layout.stateDir);
  const { pid } = process;
  records.write("kernel", { pid, startTime: startTimeOf(pid) ?? "", fingerprint: "f", command: "c" });
  const nowhere = `127.0.0.1:${await unusedPort()}`;
  const url = `postgresql://u:p@${nowhere}/belay`;
  const info = {
    temporal: { address: nowhere, namespace: "default", ui: null, pid: null },
    postgres: { url, optunaUrl: url, pid: null },
    s3: { endpoint: `http://${nowhere}`, bucket: "belay", accessKey: "a", secretKey: "s", pid: null },
    workers: [{ name: "kernel" as const, taskQueue: "belay-kernel", pid }],
  };
  const { workers, parts } = await statusOf(layout, records, info, ["kernel", "gpu"]);
  expect(workers).toEqual([
    { name: "kernel", taskQueue: "belay-kernel", pid },
    { name: "gpu", taskQueue: "belay-gpu", pid: null },
  ]);
  expect(parts.map(({ name, state }) => [name, state])).toEqual([
    ["postgres", "unhealthy"],
    ["minio", "unhealthy"],
    ["temporal", "unhealthy"],
    ["kernel", "unhealthy"],
    ["gpu", "down"],
  ]);
});
