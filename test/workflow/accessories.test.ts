import { ApplicationFailure } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTemporal, type TemporalServer } from "../support/temporal";
import { experiment, startExperiment } from "./support/experiments";
import { createLaboratory, quietRuntime } from "./support/laboratory";

quietRuntime();
let server: TemporalServer;

beforeAll(async () => {
  server = await startTemporal();
});
afterAll(() => server.stop());

describe("what a run can do without", () => {
  test("what went otherwise than asked for is in the result and handed to the report", async () => {
    const { records, bench, open } = await createLaboratory(server);
    bench.stageFailures.set("hub.push", ApplicationFailure.nonRetryable("no token", "Unsupported"));
    const result = await open(async () => {
      const spec = experiment({ num_trials: 1 }, { output: { push_to_hub: "me/it" } });
      return (await startExperiment(server, "warned", spec)).result();
    });
    const warning = "not uploaded to me/it: no token";
    expect(result).toMatchObject({ split: "test", warnings: ["3 rows were truncated", warning] });
    const rendered = records.calls.find((call) => call.name === "report.render")?.input;
    expect(rendered).toMatchObject({ stages: { warnings: [warning] } });
  });

  test("a mirror that fails never fails the run, nor is it asked again and again", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const run = "no-mirror";
    bench.stageFailures.set("hpo.tell", ApplicationFailure.nonRetryable("no such table", "Internal"));
    const hold = bench.hold(`${run}/trial-1`, 50);
    const result = await open(async () => {
      const handle = await startExperiment(server, run, experiment({ num_trials: 2 }));
      await bench.reached(hold);
      await bench.until(() => records.count("hpo.tell") > 0, "the ended trial is told of");
      await handle.executeUpdate("pause");
      await bench.until(() => bench.training.size === 0, "nobody trains");
      bench.releaseAll();
      await handle.executeUpdate("resume");
      return handle.result();
    });
    expect(result.state).toBe("completed");
    expect(records.count("hpo.tell")).toBe(2);
  });

  test("a trace that is damaged leaves the run its report, and is told of", async () => {
    const { records, bench, open } = await createLaboratory(server);
    const damaged = "the trace segment x is damaged in line 3";
    bench.stageFailures.set("trace.ingest", ApplicationFailure.nonRetryable(damaged, "CorruptArtifact"));
    const result = await open(async () =>
      (await startExperiment(server, "no-trace", experiment({ num_trials: 1 }))).result(),
    );
    expect(result.state).toBe("completed");
    expect(result.warnings).toContain(`the trace is not complete: ${damaged}`);
    expect(records.count("report.render")).toBe(1);
  });

  test("a verification that does not pass leaves the run completed, and says so", async () => {
    const { bench, open } = await createLaboratory(server);
    bench.saltAfter("artifact.store", "other bits");
    const spec = experiment(
      { num_trials: 2, deterministic: true },
      { train: { max_steps: 50, full_determinism: true } },
    );
    const result = await open(async () => (await startExperiment(server, "no-bits", spec)).result());
    expect(result).toMatchObject({ state: "completed", reproducibility: { level: "L2", passed: false } });
  });
});
