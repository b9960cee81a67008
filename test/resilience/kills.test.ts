import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../support/until";
import { type Facts, factsOf, openRows, resumptionsOf } from "./support/facts";
import { isGone } from "./support/processes";
import { copyRecord } from "./support/recorded-search";
import { expectFollowsFromItsRecord, rederive } from "./support/rederive";
import { replay } from "./support/replay";
import { patience, Rig } from "./support/rig";
import { saveSteps, tinySearch } from "./support/search";

const trials = 4;

/** What dies, and how it comes back. Each returns the ids of the processes that died. */
const faults: Record<string, (rig: Rig) => Promise<number[]>> = {
  "the training subprocess": async (rig) => {
    const trainer = await rig.killTrainer();
    expect(await rig.trainerPid()).not.toBe(trainer);
    return [trainer];
  },
  "the Python worker": async (rig) => {
    const trainer = await rig.trainerPid();
    const worker = await rig.kill("gpu");
    await until(() => isGone(trainer), "the trainer has followed its worker");
    await rig.restart("gpu");
    return [worker, trainer];
  },
  "the kernel worker": async (rig) => {
    const worker = await rig.kill("kernel");
    await rig.restart("kernel");
    return [worker];
  },
  "the Temporal server": async (rig) => {
    const server = await rig.kill("temporal");
    await rig.restart("temporal");
    return [server];
  },
};

const killed = Object.keys(faults).map((what) => what.replaceAll(" ", "-"));

describe("a search whose processes are killed in the middle of a trial", () => {
  let rig: Rig;
  let undisturbed: Facts;

  beforeAll(async () => {
    rig = await Rig.start();
    await rig.start("undisturbed", tinySearch(rig.inputs));
    undisturbed = await factsOf(rig, "undisturbed", await rig.result("undisturbed"));
  }, patience);
  afterAll(() => rig?.close());

  test("has something to lose: trials that are pruned, trials that complete, and metrics of all", () => {
    expect(undisturbed.trials.map(({ trial }) => trial)).toEqual([0, 1, 2, 3]);
    const states = new Set(undisturbed.trials.map(({ state }) => state));
    expect(states).toEqual(new Set(["completed", "pruned"]));
    expect(undisturbed.adapter).toMatch(/^[0-9a-f]{64}$/);
    expect(undisturbed.metrics.length).toBeGreaterThan(100);
  });

  test.each(Object.entries(faults))(
    "survives SIGKILL of %s",
    async (what, fault) => {
      const run = what.replaceAll(" ", "-");
      await rig.start(run, tinySearch(rig.inputs));
      const during = await rig.midTrial(run, trials);
      const dead = await fault(rig);

      expect(dead.filter((pid) => !isGone(pid))).toEqual([]);
      expect(during.step).toBeLessThan(during.totalSteps);
      const result = await rig.result(run);
      expect(result.state).toBe("completed");
      expect(result.reproducibility).toMatchObject({ passed: true, level: "L3" });

      expect(await factsOf(rig, run, result)).toEqual(undisturbed);
      for (const { subject, epoch, reached, fromStep } of await resumptionsOf(rig, run)) {
        const isAfterFault =
          subject === `${run}/trial-${during.trial}` && epoch > (during.checkpoint?.epoch ?? 0);
        const known = isAfterFault ? Math.max(reached, during.step) : reached;
        expect(known - fromStep, `steps of ${subject} done again`).toBeLessThanOrEqual(saveSteps);
      }
      expect(await openRows(rig, run)).toEqual([]);
    },
    patience,
  );

  test("went on from checkpoints where an engine was lost, not from the start", async () => {
    for (const run of ["the-training-subprocess", "the-Python-worker"]) {
      const resumed = await resumptionsOf(rig, run);
      expect(
        resumed.some(({ fromStep }) => fromStep > 0),
        `${run} resumed from a checkpoint`,
      ).toBe(true);
    }
  });

  test(
    "left histories that replay, whatever was killed while they were written",
    async () => {
      for (const run of ["undisturbed", ...killed]) {
        await replay(rig, run);
        for (let trial = 0; trial < trials; trial++) await replay(rig, `${run}/trial-${trial}`);
      }
    },
    patience,
  );

  test("has a record from which every proposal and verdict follows", () =>
    expectFollowsFromItsRecord(rig, "undisturbed", trials));

  test("has such a record also where something was killed while it was written", async () => {
    for (const run of killed) await expectFollowsFromItsRecord(rig, run, trials);
  });

  test("has a record in which no parameter and no value can be altered unnoticed", async () => {
    await copyRecord(rig, "undisturbed", "another-rate");
    await rig.rows(
      `UPDATE trials SET params = jsonb_set(params, '{learning_rate}', to_jsonb((params->>'learning_rate')::float8 * 1.001))
       WHERE run = 'another-rate' AND tell_count = 0 AND state = 'completed'`,
    );
    const rate = await rederive(rig, "another-rate", "undisturbed");
    // Its own proposal, which was random, and one of the model that learnt from it.
    expect(new Set(rate.strayed.map(({ modelBased }) => modelBased))).toEqual(new Set([false, true]));

    await copyRecord(rig, "undisturbed", "another-value");
    await rig.rows("UPDATE rungs SET value = 0 WHERE run = 'another-value' AND verdict = 'prune'");
    const value = await rederive(rig, "another-value", "undisturbed");
    expect(value.derived).not.toEqual(value.recorded);
  });
});
