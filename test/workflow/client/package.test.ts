import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTemporal, type TemporalServer } from "../../support/temporal";
import { userProject } from "../../support/user-project";
import { labModel } from "../support/experiments";

let server: TemporalServer;
beforeAll(async () => {
  server = await startTemporal();
});
afterAll(() => server.stop());

const PROGRAM = `
import { Belay, loadExperimentFile } from "belay/client";

const belay = await Belay.connect({ address: process.argv[2] });
const { run, attached } = await belay.start(loadExperimentFile("experiment.yaml"));
console.log(JSON.stringify({ run: run.id, attached }));
await belay.close();
`;

test("a program that imports belay/client by name starts a run, under Node alone", async () => {
  const project = userProject();
  const write = (name: string, text: string) => writeFileSync(join(project, name), text);
  write("start.mjs", PROGRAM);
  write("experiment.yaml", JSON.stringify({ name: "by-name", model: labModel, dataset: "rows.jsonl" }));
  write("rows.jsonl", '{"prompt":"a","completion":"b"}\n');
  const { stdout } = await execa(process.execPath, ["start.mjs", server.address], { cwd: project });
  const { run, attached } = JSON.parse(stdout);
  expect(run).toMatch(/^by-name-[0-9a-f]{12}$/);
  expect(attached).toBe(false);
  const { type, status } = await server.client.workflow.getHandle(run).describe();
  expect([type, status.name]).toEqual(["experimentWorkflow", "RUNNING"]);
});
