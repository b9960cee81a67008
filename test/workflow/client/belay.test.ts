import { randomUUID } from "node:crypto";
import { getEventListeners } from "node:events";
import { ApplicationFailure } from "@temporalio/common";
import { describe, expect, test } from "vitest";
import { Belay, RunFailedError, VerificationError } from "../../../client";
import { until } from "../../support/until";
import { codeOf, connectedClient, sample } from "../support/client";
import { createLaboratory, quietRuntime } from "../support/laboratory";

quietRuntime();
const at = connectedClient();

describe("following and steering", () => {
  test("status, trials and what is under way; pause, resume, and how many at once", async () => {
    const laboratory = await createLaboratory(at.server);
    const spec = sample({ num_trials: 4 });
    await laboratory.open(async () => {
      const id = `steer-${randomUUID().slice(0, 8)}`;
      const holds = [0, 1].map((n) => laboratory.bench.hold(`${id}/trial-${n}`, 50));
      const { run } = await at.belay.start(spec, { id });
      await until(() => holds.every(({ reached }) => reached), "both trials are held at step 50");
      const status = await run.status();
      expect(status).toMatchObject({ run: id, state: "running", stage: "search", numTrials: 4 });
      expect((await run.trials()).map(({ state }) => state)).toEqual(["running", "running"]);
      const training = await heardFrom(run.pendingWork.bind(run), `${id}/trial-1`);
      expect(training).toMatchObject({ trial: 1, step: 50, totalSteps: 100 });

      await run.setMaxConcurrentTrials(1);
      expect((await run.status()).maxConcurrentTrials).toBe(1);
      await run.pause();
      for (const { release } of holds) release();
      await until(async () => (await run.status()).state === "paused", "the run is paused");
      expect(await at.belay.list()).toContainEqual(expect.objectContaining({ run: id, endedAt: null }));
      await run.resume();
      expect((await run.result()).trials.completed).toBe(4);
      expect(await run.endedAt()).toBeGreaterThan(status.startedAt);
      expect(await codeOf(run.pause())).toBe("Closed");
      expect(await codeOf(run.cancel())).toBe("Closed");
    });
  });

  test("a cancelled run says so", async () => {
    const laboratory = await createLaboratory(at.server);
    await laboratory.open(async () => {
      const id = `cancel-${randomUUID().slice(0, 8)}`;
      const hold = laboratory.bench.hold(`${id}/trial-0`, 50);
      const { run } = await at.belay.start(sample({ num_trials: 1 }), { id });
      await until(() => hold.reached, "the trial is held");
      await run.cancel();
      hold.release();
      const failure = await run.result().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(RunFailedError);
      expect((failure as RunFailedError).type).toBe("Cancelled");
      await until(
        async () => (await at.belay.list()).some((each) => each.run === id && each.state === "cancelled"),
        "the list says cancelled",
      );
    });
  });

  test("a failed stage is named by its innermost cause", async () => {
    const laboratory = await createLaboratory(at.server);
    laboratory.bench.stageFailures.set(
      "dataset.analyze",
      ApplicationFailure.nonRetryable("row 3 has no prompt", "InvalidDataset"),
    );
    await laboratory.open(async () => {
      const { run } = await at.belay.start(sample());
      const failure = await run.result().catch((error: unknown) => error);
      expect(failure).toMatchObject({
        name: "RunFailedError",
        type: "InvalidDataset",
        message: "row 3 has no prompt",
      });
    });
  });

  test("a search in which nothing completed fails, and tells what there is to know", async () => {
    const laboratory = await createLaboratory(at.server);
    await laboratory.open(async () => {
      const id = `all-fail-${randomUUID().slice(0, 8)}`;
      laboratory.bench.plan(`${id}/trial-0`, "diverge", 20);
      const { run } = await at.belay.start(sample({ num_trials: 1 }), { id });
      const failure = await run.result().catch((error: unknown) => error);
      expect(failure).toMatchObject({
        type: "NoTrialCompleted",
        result: { state: "failed", trials: { diverged: 1 } },
      });
    });
  });

  test("verify answers with the verdict", async () => {
    const laboratory = await createLaboratory(at.server);
    await laboratory.open(async () => {
      const { run } = await at.belay.start(sample());
      await run.result();
      const recorded = () => laboratory.records.count("reproducibility.record");
      const ofTheRun = recorded();
      expect(await at.belay.verify(run.id, ["L0"])).toMatchObject({ level: "L0", passed: true });
      expect(recorded()).toBe(ofTheRun);
      expect(await at.belay.verify(run.id)).toMatchObject({ passed: true });
      expect(recorded()).toBe(ofTheRun + 1);
    });
  });

  test("verify of what never ran has no verdict", async () => {
    const laboratory = await createLaboratory(at.server);
    await laboratory.open(async () => {
      laboratory.bench.failNth(
        "manifest.load",
        1,
        ApplicationFailure.nonRetryable("there is no manifest", "NotFound"),
      );
      const failure = await at.belay.verify("nowhere", ["L0"]).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(VerificationError);
      expect(failure).toMatchObject({ type: "NotFound" });
    });
  });
});

test("a signal that outlives its questions is held by none of them", async () => {
  const { signal } = new AbortController();
  const run = at.belay.attach("nowhere").until(signal);
  for (let n = 0; n < 3; n++) expect(await codeOf(run.status())).toBe("NotFound");
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

describe("what is not there", () => {
  test("a run", async () => {
    const laboratory = await createLaboratory(at.server);
    await laboratory.open(async () => {
      const run = at.belay.attach("nowhere");
      const calls = ["status", "trials", "pause", "resume", "cancel", "result"] as const;
      for (const call of calls) expect([call, await codeOf(run[call]())]).toEqual([call, "NotFound"]);
    });
  });

  test("Temporal", async () => {
    expect(await codeOf(Belay.connect({ address: "127.0.0.1:1", connectTimeoutMs: 500 }))).toBe(
      "Unreachable",
    );
  });
});

async function heardFrom(ask: (workflowId: string) => Promise<{ training: unknown }[]>, workflowId: string) {
  let heard: unknown = null;
  await until(async () => {
    heard = (await ask(workflowId)).find(({ training }) => training !== null)?.training ?? null;
    return (heard as { step: number } | null)?.step === 50;
  }, "the held trial's heartbeat is seen");
  return heard;
}
