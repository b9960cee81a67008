import { rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { repositoryRoot } from "../../infra/setup/home.mjs";
import { readyTools } from "../../infra/setup/toolchain";
import type { ExperimentResult } from "../../workflows/contracts";
import { commandLine } from "../support/command-line";
import { patience, Rig } from "./support/rig";

const root = repositoryRoot(__dirname);
const python = readyTools(root)?.python as string;

/** Two trials, of which one is pruned, at rates that show quickly that something is learnt. */
const shortened = {
  "search.num_trials": 2,
  "search.wave_size": 2,
  "search.max_concurrent_trials": 2,
  "search.n_startup_trials": 2,
  "search.asha.grace_steps": 20,
  "search.space.learning_rate": "{loguniform: [2.0e-3, 4.0e-3]}",
  "train.max_steps": 40,
  "eval.eval_steps": 20,
  "save.save_steps": 20,
};

/** There are ten intents, about equally frequent. */
const wellAboveChance = 0.4;

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
}, patience);
afterAll(() => rig?.close());

test(
  "experiments/intent-minilm.yaml, shortened, puts its inputs in place and makes a real encoder a classifier that anyone can load",
  async () => {
    const made = join(root, ".belay", "intent-minilm");
    await rm(made, { recursive: true, force: true });
    const set = Object.entries(shortened).flatMap(([key, value]) => ["--set", `${key}=${value}`]);
    const running = ["run", join("experiments", "intent-minilm.yaml"), ...set, "--json"];
    const { stdout } = await commandLine(running, root, rig.info);
    const result: ExperimentResult = JSON.parse(stdout);
    expect(result).toMatchObject({ state: "completed", trials: { completed: 1, pruned: 1 } });
    expect(result.comparison).toMatchObject({ metric: "accuracy", beatsBase: true });
    expect(result.best?.metrics.accuracy).toBeGreaterThan(wellAboveChance);

    const outputs = join(inject("resilienceFolder"), "outputs");
    await commandLine(["artifacts", result.run, "--get", outputs], root, rig.info);
    const adapter = join(outputs, "adapter");
    const script = join(root, "test", "resilience", "support", "classify.py");
    const answered = await execa(python, [
      script,
      adapter,
      join(made, "base"),
      join(made, "data", "intents.csv"),
    ]);
    expect(Number(answered.stdout)).toBeGreaterThan(wellAboveChance);
  },
  patience,
);
