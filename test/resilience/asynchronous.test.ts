import { afterAll, beforeAll, expect, test } from "vitest";
import { expectFollowsFromItsRecord } from "./support/rederive";
import { patience, Rig } from "./support/rig";
import { tinySearch } from "./support/search";

const trials = 6;

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
}, patience);
afterAll(() => rig?.close());

test(
  "a search that judges trials as they come leaves a record that explains it, whatever dies meanwhile",
  async () => {
    const run = "as-they-come";
    const spec = tinySearch(rig.inputs, { trials, steps: 60 });
    const search = {
      ...spec.search,
      deterministic: false,
      wave_size: null,
      max_concurrent_trials: 3,
      n_startup_trials: 2,
    };
    await rig.start(run, { ...spec, search });
    await rig.midTrial(run, trials);
    await rig.killTrainer();
    await rig.kill("kernel");
    await rig.restart("kernel");

    expect(await rig.result(run)).toMatchObject({ state: "completed", reproducibility: { passed: true } });
    await expectFollowsFromItsRecord(rig, run, trials);
  },
  patience,
);
