import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { InvalidExperimentError, loadExperimentFile } from "../../../client";
import { TaskQueues, WorkflowTypes } from "../../../workflows/contracts";
import { scratchFolder } from "../../support/scratch";
import { codeOf, connectedClient, sample } from "../support/client";
import { labModel } from "../support/experiments";
import { createLaboratory, quietRuntime } from "../support/laboratory";

quietRuntime();
const at = connectedClient();

describe("starting", () => {
  test("the same experiment twice at once makes one run; both get its result", async () => {
    const laboratory = await createLaboratory(at.server);
    const spec = sample();
    const results = await laboratory.open(async () => {
      const both = await Promise.all([at.belay.start(spec), at.belay.start(spec)]);
      expect(both[0].run.id).toBe(both[1].run.id);
      expect(both.map(({ attached }) => attached).sort()).toEqual([false, true]);
      return Promise.all(both.map(({ run }) => run.result()));
    });
    expect(results[0]).toEqual(results[1]);
    expect(results[0]?.trials.completed).toBe(3);
  });

  test("one that has ended is attached to; `new` makes another, and another", async () => {
    const laboratory = await createLaboratory(at.server);
    const spec = sample();
    await laboratory.open(async () => {
      const first = await at.belay.start(spec);
      const result = await first.run.result();
      const again = await at.belay.start(spec);
      expect([again.run.id, again.attached]).toEqual([first.run.id, true]);
      expect(await again.run.result()).toEqual(result);
      const second = await at.belay.start(spec, { new: true });
      const third = await at.belay.start(spec, { new: true });
      expect([second.run.id, third.run.id]).toEqual([`${first.run.id}-2`, `${first.run.id}-3`]);
      expect([second.attached, third.attached]).toEqual([false, false]);
      await Promise.all([second.run.result(), third.run.result()]);
    });
  });

  test("an id that another experiment has is refused, and the same experiment is attached to", async () => {
    const laboratory = await createLaboratory(at.server);
    await laboratory.open(async () => {
      const id = `mine-${randomUUID().slice(0, 8)}`;
      const spec = sample({ num_trials: 1 });
      const { run } = await at.belay.start(spec, { id });
      await run.result();
      expect((await at.belay.start(spec, { id })).attached).toBe(true);
      const other = { ...spec, train: { ...spec.train, seed: 5 } };
      const refused = await at.belay.start(other, { id }).catch((error: unknown) => error);
      expect(refused).toMatchObject({
        code: "BadArgument",
        message: expect.stringContaining(`belay watch ${id}`),
      });
    });
  });

  test("an id that a workflow started by other means has is refused", async () => {
    const laboratory = await createLaboratory(at.server);
    await laboratory.open(async () => {
      const [spec, id] = [sample({ num_trials: 1 }), `theirs-${randomUUID().slice(0, 8)}`];
      const plain = { workflowId: id, taskQueue: TaskQueues.kernel, args: [spec] };
      const handle = await at.server.client.workflow.start(WorkflowTypes.experiment, plain);
      await expect(at.belay.start(spec, { id })).rejects.toMatchObject({
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
    const laboratory = await createLaboratory(at.server);
    await laboratory.open(async () => {
      const start = async (rows: string, set: string[] = []) => {
        writeFileSync(join(folder, "rows.jsonl"), rows);
        const { run } = await at.belay.start(loadExperimentFile(file, { set }));
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
    const laboratory = await createLaboratory(at.server);
    const spec = sample();
    await laboratory.open(async () => {
      const recorded: string[] = [];
      const isRecorded = async (run: string) => {
        recorded.push(run);
        return recorded.length === 1;
      };
      expect(await codeOf(at.belay.start(spec, { isRecorded }))).toBe("Closed");
      const [id] = recorded;
      expect(await codeOf(at.belay.status(id as string))).toBe("NotFound");
      const { run, attached } = await at.belay.start(spec, {
        new: true,
        isRecorded: async (run) => run === id,
      });
      expect([run.id, attached]).toEqual([`${id}-2`, false]);
      await run.result();
    });
  });

  test("a wrong experiment starts nothing", async () => {
    const broken = { ...sample(), search: { num_trials: 0 } };
    await expect(at.belay.start(broken)).rejects.toThrow(InvalidExperimentError);
    await expect(at.belay.start(broken)).rejects.toThrow(
      /^experiment search\.num_trials: needs at least one trial/,
    );
    expect(await codeOf(at.belay.start(sample(), { id: "a/b" }))).toBe("BadArgument");
  });
});
