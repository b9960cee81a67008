import { randomUUID } from "node:crypto";
import { getEventListeners } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ApplicationFailure } from "@temporalio/common";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import {
  Belay,
  BelayError,
  InvalidExperimentError,
  loadExperimentFile,
  RunFailedError,
  VerificationError,
} from "../../../client";
import { type ExperimentInput, TaskQueues, WorkflowTypes } from "../../../workflows/contracts";
import { scratchFolder } from "../../support/scratch";
import { startTemporal, type TemporalServer } from "../../support/temporal";
import { until } from "../../support/until";
import { experiment, labModel } from "../support/experiments";
import { createLaboratory, quietRuntime } from "../support/laboratory";

quietRuntime();
let server: TemporalServer;
let belay: Belay;

beforeAll(async () => {
  server = await startTemporal();
});
afterAll(() => server.stop());

beforeEach(async () => {
  belay = await Belay.connect({ address: server.address });
  onTestFinished(() => belay.close());
});

/** An experiment of its own name, over a file of its own. */
function sample(search: ExperimentInput["search"] = {}): ExperimentInput {
  const path = join(scratchFolder(), "rows.jsonl");
  writeFileSync(path, '{"prompt":"a","completion":"b"}\n');
  return experiment(
    { num_trials: 3, max_concurrent_trials: 2, ...search },
    { name: `lab-${randomUUID().slice(0, 8)}`, dataset: { path } },
  );
}

const codeOf = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call;
  } catch (error) {
    if (error instanceof BelayError) return error.code;
    throw error;
  }
  return "none";
};

describe("starting", () => {
  test("the same experiment twice at once makes one run; both get its result", async () => {
    const laboratory = await createLaboratory(server);
    const spec = sample();
    const results = await laboratory.open(async () => {
      const both = await Promise.all([belay.start(spec), belay.start(spec)]);
      expect(both[0].run.id).toBe(both[1].run.id);
      expect(both.map(({ attached }) => attached).sort()).toEqual([false, true]);
      return Promise.all(both.map(({ run }) => run.result()));
    });
    expect(results[0]).toEqual(results[1]);
    expect(results[0]?.trials.completed).toBe(3);
  });

  test("one that has ended is attached to; `new` makes another, and another", async () => {
    const laboratory = await createLaboratory(server);
    const spec = sample();
    await laboratory.open(async () => {
      const first = await belay.start(spec);
      const result = await first.run.result();
      const again = await belay.start(spec);
      expect([again.run.id, again.attached]).toEqual([first.run.id, true]);
      expect(await again.run.result()).toEqual(result);
      const second = await belay.start(spec, { new: true });
      const third = await belay.start(spec, { new: true });
      expect([second.run.id, third.run.id]).toEqual([`${first.run.id}-2`, `${first.run.id}-3`]);
      expect([second.attached, third.attached]).toEqual([false, false]);
      await Promise.all([second.run.result(), third.run.result()]);
    });
  });

  test("an id that another experiment has is refused, and the same experiment is attached to", async () => {
    const laboratory = await createLaboratory(server);
    await laboratory.open(async () => {
      const id = `mine-${randomUUID().slice(0, 8)}`;
      const spec = sample({ num_trials: 1 });
      const { run } = await belay.start(spec, { id });
      await run.result();
      expect((await belay.start(spec, { id })).attached).toBe(true);
      const other = { ...spec, train: { ...spec.train, seed: 5 } };
      const refused = await belay.start(other, { id }).catch((error: unknown) => error);
      expect(refused).toMatchObject({
        code: "BadArgument",
        message: expect.stringContaining(`belay watch ${id}`),
      });
    });
  });

  test("an id that a workflow started by other means has is refused", async () => {
    const laboratory = await createLaboratory(server);
    await laboratory.open(async () => {
      const [spec, id] = [sample({ num_trials: 1 }), `theirs-${randomUUID().slice(0, 8)}`];
      const plain = { workflowId: id, taskQueue: TaskQueues.kernel, args: [spec] };
      const handle = await server.client.workflow.start(WorkflowTypes.experiment, plain);
      await expect(belay.start(spec, { id })).rejects.toMatchObject({
        code: "BadArgument",
        message: expect.stringMatching(`^${id} was started by other means.*belay watch ${id}$`),
      });
      await handle.result();
    });
  });

  test("another content of an input file, and another setting, are another experiment", async () => {
    const folder = scratchFolder();
    const file = join(folder, "e.yaml");
    writeFileSync(
      file,
      `name: lab\nmodel: ${JSON.stringify(labModel)}\ndataset: rows.jsonl\ntrain: {max_steps: 100}\nsearch: {num_trials: 1}\n`,
    );
    const ids = new Set<string>();
    const laboratory = await createLaboratory(server);
    await laboratory.open(async () => {
      const start = async (rows: string, set: string[] = []) => {
        writeFileSync(join(folder, "rows.jsonl"), rows);
        const { run } = await belay.start(loadExperimentFile(file, { set }));
        ids.add(run.id);
        await run.result();
      };
      await start("a");
      await start("b");
      await start("b", ["train.seed=5"]);
      await start("a");
    });
    expect(ids.size).toBe(3);
  });

  test("one that only the record still knows is not run over its rows; `new` makes another", async () => {
    const laboratory = await createLaboratory(server);
    const spec = sample();
    await laboratory.open(async () => {
      const recorded: string[] = [];
      const isRecorded = async (run: string) => {
        recorded.push(run);
        return recorded.length === 1;
      };
      expect(await codeOf(belay.start(spec, { isRecorded }))).toBe("Closed");
      const [id] = recorded;
      expect(await codeOf(belay.status(id as string))).toBe("NotFound");
      const { run, attached } = await belay.start(spec, { new: true, isRecorded: async (run) => run === id });
      expect([run.id, attached]).toEqual([`${id}-2`, false]);
      await run.result();
    });
  });

  test("a wrong experiment starts nothing", async () => {
    const broken = { ...sample(), search: { num_trials: 0 } };
    await expect(belay.start(broken)).rejects.toThrow(InvalidExperimentError);
    await expect(belay.start(broken)).rejects.toThrow(
      /^experiment search\.num_trials: needs at least one trial/,
    );
    expect(await codeOf(belay.start(sample(), { id: "a/b" }))).toBe("BadArgument");
  });
});

describe("following and steering", () => {
  test("status, trials and what is under way; pause, resume, and how many at once", async () => {
    const laboratory = await createLaboratory(server);
    const spec = sample({ num_trials: 4 });
    await laboratory.open(async () => {
      const id = `steer-${randomUUID().slice(0, 8)}`;
      const holds = [0, 1].map((n) => laboratory.bench.hold(`${id}/trial-${n}`, 50));
      const { run } = await belay.start(spec, { id });
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
      expect(await belay.list()).toContainEqual(expect.objectContaining({ run: id, endedAt: null }));
      await run.resume();
      expect((await run.result()).trials.completed).toBe(4);
      expect(await run.endedAt()).toBeGreaterThan(status.startedAt);
      expect(await codeOf(run.pause())).toBe("Closed");
      expect(await codeOf(run.cancel())).toBe("Closed");
    });
  });

  test("a cancelled run says so", async () => {
    const laboratory = await createLaboratory(server);
    await laboratory.open(async () => {
      const id = `cancel-${randomUUID().slice(0, 8)}`;
      const hold = laboratory.bench.hold(`${id}/trial-0`, 50);
      const { run } = await belay.start(sample({ num_trials: 1 }), { id });
      await until(() => hold.reached, "the trial is held");
      await run.cancel();
      hold.release();
      const failure = await run.result().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(RunFailedError);
      expect((failure as RunFailedError).type).toBe("Cancelled");
      await until(
        async () => (await belay.list()).some((each) => each.run === id && each.state === "cancelled"),
        "the list says cancelled",
      );
    });
  });

  test("a failed stage is named by its innermost cause", async () => {
    const laboratory = await createLaboratory(server);
    laboratory.bench.stageFailures.set(
      "dataset.analyze",
      ApplicationFailure.nonRetryable("row 3 has no prompt", "InvalidDataset"),
    );
    await laboratory.open(async () => {
      const { run } = await belay.start(sample());
      const failure = await run.result().catch((error: unknown) => error);
      expect(failure).toMatchObject({
        name: "RunFailedError",
        type: "InvalidDataset",
        message: "row 3 has no prompt",
      });
    });
  });

  test("a search in which nothing completed fails, and tells what there is to know", async () => {
    const laboratory = await createLaboratory(server);
    await laboratory.open(async () => {
      const id = `all-fail-${randomUUID().slice(0, 8)}`;
      laboratory.bench.plan(`${id}/trial-0`, "diverge", 20);
      const { run } = await belay.start(sample({ num_trials: 1 }), { id });
      const failure = await run.result().catch((error: unknown) => error);
      expect(failure).toMatchObject({
        type: "NoTrialCompleted",
        result: { state: "failed", trials: { diverged: 1 } },
      });
    });
  });

  test("verify answers with the verdict", async () => {
    const laboratory = await createLaboratory(server);
    await laboratory.open(async () => {
      const { run } = await belay.start(sample());
      await run.result();
      const recorded = () => laboratory.records.count("reproducibility.record");
      const ofTheRun = recorded();
      expect(await belay.verify(run.id, ["L0"])).toMatchObject({ level: "L0", passed: true });
      expect(recorded()).toBe(ofTheRun);
      expect(await belay.verify(run.id)).toMatchObject({ passed: true });
      expect(recorded()).toBe(ofTheRun + 1);
    });
  });

  test("verify of what never ran has no verdict", async () => {
    const laboratory = await createLaboratory(server);
    await laboratory.open(async () => {
      laboratory.bench.failNth(
        "manifest.load",
        1,
        ApplicationFailure.nonRetryable("there is no manifest", "NotFound"),
      );
      const failure = await belay.verify("nowhere", ["L0"]).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(VerificationError);
      expect(failure).toMatchObject({ type: "NotFound" });
    });
  });
});

test("a signal that outlives its questions is held by none of them", async () => {
  const { signal } = new AbortController();
  const run = belay.attach("nowhere").until(signal);
  for (let n = 0; n < 3; n++) expect(await codeOf(run.status())).toBe("NotFound");
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

describe("what is not there", () => {
  test("a run", async () => {
    const laboratory = await createLaboratory(server);
    await laboratory.open(async () => {
      const run = belay.attach("nowhere");
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
