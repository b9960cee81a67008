import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TaskQueues, WorkflowTypes } from "../../workflows/contracts";
import { startTemporal, type TemporalServer } from "../support/temporal";
import { experiment, startExperiment } from "./support/experiments";
import { createLaboratory, quietRuntime } from "./support/laboratory";

quietRuntime();
let server: TemporalServer;

beforeAll(async () => {
  server = await startTemporal();
});
afterAll(() => server.stop());

/** One that promises bits, so that its winner is trained again to the last step. */
const repeatable = () =>
  experiment({ num_trials: 1, deterministic: true }, { train: { max_steps: 100, full_determinism: true } });

type Laboratory = Awaited<ReturnType<typeof createLaboratory>>;

const verdictOf = async (run: string, prepare: (laboratory: Laboratory) => void) => {
  const laboratory = await createLaboratory(server);
  prepare(laboratory);
  const result = await laboratory.open(async () =>
    (await startExperiment(server, run, repeatable())).result(),
  );
  return { ...laboratory, verdict: result.reproducibility };
};

describe("a verification", () => {
  test("reads every loss, also of a training whose answer names its last segments only", async () => {
    const { records, verdict } = await verdictOf("long", () => undefined);
    expect(records.segments.length).toBeGreaterThan(90);
    expect(verdict.details).toMatchObject([{}, {}, { level: "L2", passed: true }, { passed: true }]);
    expect(verdict).toMatchObject({ level: "L3", passed: true });
  });

  test.each(["crash", "stop"] as const)(
    "goes on after its engine's %s, and compares all of it",
    async (fault) => {
      const run = `verify-${fault}`;
      const { bench, verdict } = await verdictOf(run, (laboratory) =>
        laboratory.bench.plan(`${run}/verify`, fault, 57),
      );
      expect(bench.fired).toEqual([`${fault} ${run}/verify at 57`]);
      expect(verdict).toMatchObject({ level: "L3", passed: true });
      expect(bench.seatsTaken).toBe(0);
    },
  );

  test("that diverges says so, and has not passed", async () => {
    const run = "verify-diverge";
    const { verdict } = await verdictOf(run, ({ bench }) => bench.plan(`${run}/verify`, "diverge", 10));
    expect(verdict).toMatchObject({ level: "L1", passed: false });
    expect(verdict.details.map(({ message }) => message).slice(2)).toEqual([
      expect.stringContaining("loss at step 11"),
      "the loss was not finite at step 10 of the repetition",
    ]);
  });

  test("that is cancelled stores its trace all the same", async () => {
    const run = "verify-cancelled";
    const { records, bench, open } = await createLaboratory(server);
    const workflowId = `${run}/verify-again`;
    await open(async () => {
      await (await startExperiment(server, run, repeatable())).result();
      const hold = bench.hold(`${run}/verify`, 50);
      const handle = await server.client.workflow.start(WorkflowTypes.verify, {
        workflowId,
        taskQueue: TaskQueues.kernel,
        args: [{ run }],
      });
      await bench.reached(hold);
      await handle.cancel();
      await expect(handle.result()).rejects.toThrow();
      expect((await handle.describe()).status.name).toBe("CANCELLED");
    });
    const kinds = [...records.trace.values()]
      .filter((event) => event.source.startsWith(`${workflowId}@`))
      .map((event) => event.kind);
    expect(kinds.filter((kind) => kind === "job.dispatched")).toHaveLength(2);
    expect(bench.seatsTaken).toBe(0);
  });
});
