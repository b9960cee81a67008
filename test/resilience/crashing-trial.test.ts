import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRows } from "./support/facts";
import { patience, Rig } from "./support/rig";
import { tinySearch } from "./support/search";

const trials = 8;
const crashing = 3;

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
}, patience);
afterAll(() => rig?.close());

test(
  "a trial that brings down its engine every time fails alone, and the other seven complete",
  async () => {
    const run = "crashing-trial";
    const spec = tinySearch(rig.inputs, { trials, steps: 40 });
    // No checkpoint on the way: a trial that gets further between two crashes is no suspect.
    const save = { save_steps: 1000 };
    await rig.start(run, { ...spec, save, search: { ...spec.search, pruner: "none", wave_size: trials } });
    const crashes = killTrainerUnder(run, crashing);
    const result = await rig.result(run);

    expect(result.trials).toMatchObject({ completed: trials - 1, failed: 1 });
    const failed = await rig.rows<{ trial: number; error: { type: string } }>(
      "SELECT trial, error FROM trials WHERE run = $1 AND state = 'failed'",
      [run],
    );
    expect(failed).toEqual([{ trial: crashing, error: expect.objectContaining({ type: "CrashesEngine" }) }]);
    // Twice among others, and a last time alone.
    expect((await crashes.stop()).length).toBeGreaterThanOrEqual(3);
    expect(await openRows(rig, run)).toEqual([]);
  },
  patience,
);

/** Kills the trainer whenever this trial trains on it, as a trial would whose data make the engine crash. */
function killTrainerUnder(run: string, trial: number): { stop(): Promise<number[]> } {
  const killed: number[] = [];
  let stopped = false;
  const watching = (async () => {
    while (!stopped) {
      if (await rig.isTraining(run, trial)) {
        const pid = await rig.trainerPid();
        if (!killed.includes(pid)) killed.push(await rig.killTrainer());
      }
      await delay(50);
    }
  })();
  return {
    stop: async () => {
      stopped = true;
      await watching;
      return killed;
    },
  };
}
