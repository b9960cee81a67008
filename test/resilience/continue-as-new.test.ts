import { afterAll, beforeAll, expect, test } from "vitest";
import { factsOf, openRows } from "./support/facts";
import { patience, Rig } from "./support/rig";
import { tinySearch } from "./support/search";

const trials = 8;

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
}, patience);
afterAll(() => rig?.close());

test(
  "an experiment that continues as new every 50 events loses, cancels and repeats no trial",
  async () => {
    const spec = tinySearch(rig.inputs, { trials, steps: 40 });
    await rig.start("in-one-piece", spec);
    const whole = await factsOf(rig, "in-one-piece", await rig.result("in-one-piece"));
    const run = "in-many-pieces";
    await rig.start(run, spec, { maxHistoryLength: 50 });
    const pieces = await factsOf(rig, run, await rig.result(run));

    const executions = await executionsOf(run);
    expect(executions.length).toBeGreaterThanOrEqual(3);
    expect(executions.filter((status) => status === "CONTINUED_AS_NEW").length).toBe(executions.length - 1);
    for (let trial = 0; trial < trials; trial++)
      expect(await executionsOf(`${run}/trial-${trial}`), `trial ${trial}`).toEqual(["COMPLETED"]);
    expect(pieces).toEqual(whole);
    expect(await openRows(rig, run)).toEqual([]);
  },
  patience,
);

/** How every execution under this id ended, in no order. */
async function executionsOf(workflowId: string): Promise<string[]> {
  const executions: string[] = [];
  for await (const { status } of rig.client.workflow.list({ query: `WorkflowId = '${workflowId}'` }))
    executions.push(status.name);
  return executions;
}
