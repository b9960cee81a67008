import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { WorkerName } from "../../infra/dev";
import { isGone } from "../resilience/support/processes";
import { Checkout } from "../support/checkout";
import { tinyTask } from "../support/tiny-model";
import { until } from "../support/until";

const patience = 300_000;

let checkout: Checkout;
let experiment: string;

beforeAll(() => {
  checkout = new Checkout();
  const inputs = join(checkout.root, ".belay", "inputs");
  mkdirSync(inputs);
  const { model, rows } = tinyTask(inputs);
  experiment = join(inputs, "experiment.yaml");
  writeFileSync(
    experiment,
    `name: by-hand
model: ${model}
dataset: {path: ${rows}, cutoff_len: 32, val_set_size: 8, test_set_size: 8}
train: {max_steps: 40, per_device_train_batch_size: 4, gradient_accumulation_steps: 1}
save: {save_steps: 10}
search: {sampler: random, num_trials: 2, max_concurrent_trials: 1, space: {learning_rate: [1.0e-3, 1.0e-2]}}\n`,
  );
});
afterAll(() => checkout?.remove(), patience);

interface Shown {
  stack: object | null;
  workers: { name: WorkerName; taskQueue: string; pid: number | null }[];
  runs: { run: string; state: string }[];
}

const status = async (): Promise<Shown> => JSON.parse(await checkout.belay("status", "--json"));

const isIn = (run: string, state: string) =>
  until(
    async () => (await status()).runs.some((each) => each.run === run && each.state === state),
    `${run} is ${state}`,
    patience,
  );

/** What `up` and `status` print with `--json`: this and nothing else, because scripts rely on it. */
const contract = (runs: Shown["runs"]) => ({
  stack: {
    temporal: {
      address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      ui: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      pid: checkout.stack.pid("temporal"),
    },
    postgres: {
      url: expect.stringMatching(/^postgresql:\/\/.*@127\.0\.0\.1:\d+\/belay$/),
      pid: checkout.stack.pid("postgres"),
    },
    s3: { endpoint: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/), pid: checkout.stack.pid("minio") },
  },
  workers: [
    { name: "kernel", taskQueue: "belay-kernel", pid: checkout.stack.pid("kernel") },
    { name: "ml", taskQueue: "belay-ml", pid: checkout.stack.pid("ml") },
    { name: "gpu", taskQueue: "belay-gpu", pid: checkout.stack.pid("gpu") },
  ],
  runs,
});

/** The dashboard, as soon as it answers. */
async function startDashboard() {
  const dashboard = checkout.start("dashboard");
  onTestFinished(() => void dashboard.kill("SIGINT"));
  let said = "";
  dashboard.stdout.on("data", (chunk) => {
    said += chunk;
  });
  const address = await until(() => /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0], "it says where it is");
  const page = await until(() => fetch(address).catch(() => undefined), `${address} answers`);
  return { dashboard, address, page };
}

/** In order: each finds the stack as the one before left it. */
describe("the commands of a checkout, each a process", { timeout: patience }, () => {
  let run: string;

  test("without a stack status and doctor say so", async () => {
    expect(await status()).toEqual({ stack: null, workers: [], runs: [] });
    const { exitCode, stdout } = await checkout.start("doctor");
    expect(exitCode).toBe(3);
    expect(stdout).toMatch(/^MISSING stack +found none: the stack of this checkout is not up; needed up$/m);
    expect(stdout.match(/^MISSING/gm)).toHaveLength(1);
  });

  test("up brings one up; status shows the same", async () => {
    const brought = JSON.parse(await checkout.belay("up", "--json"));
    expect(brought).toEqual(contract([]));
    expect(await status()).toEqual(brought);
  });

  test("doctor names every part, and the interpreter that set-up made", async () => {
    const lines = (await checkout.belay("doctor")).split("\n");
    expect(lines.filter((line) => line.startsWith("MISSING"))).toEqual([]);
    for (const part of ["postgres", "minio", "temporal", "kernel", "ml", "gpu"])
      expect(lines.filter((line) => line.startsWith(`ok      ${part} `))).toHaveLength(1);
    expect(lines.find((line) => line.includes("set-up"))).toMatch(/found complete, with \/\S+\/bin\/python;/);
  });

  test("a run is paused and resumed, and then ends well", async () => {
    run = JSON.parse(await checkout.belay("run", experiment, "--detach", "--json")).run;
    await isIn(run, "running");
    expect(await checkout.belay("pause", run)).toContain(`${run} is pausing; npx belay resume ${run}`);
    await isIn(run, "paused");
    expect(await checkout.belay("resume", run)).toBe(`${run} goes on.`);
    expect(JSON.parse(await checkout.belay("watch", run, "--json"))).toMatchObject({
      run,
      state: "completed",
      trials: { completed: 2 },
    });
    await isIn(run, "completed");
    expect(await status()).toEqual(contract([{ run, state: "completed" }]));
  });

  test("dashboard serves the run's study until Ctrl-C", async () => {
    const { dashboard, address, page } = await startDashboard();
    expect(await page.text()).toContain("<title>Optuna Dashboard</title>");
    const studies = await fetch(`${address}/api/studies`);
    expect(await studies.json()).toMatchObject({ study_summaries: [{ study_name: run }] });
    dashboard.kill("SIGINT");
    const { exitCode, signal } = await dashboard;
    expect({ exitCode, signal }).toEqual({ exitCode: 130, signal: undefined });
    await expect(fetch(address)).rejects.toThrow();
  });

  test("dashboard does not outlive a command that was killed", async () => {
    const { dashboard, address } = await startDashboard();
    dashboard.kill("SIGKILL");
    const isAway = () =>
      fetch(address).then(
        () => false,
        () => true,
      );
    await until(isAway, `nobody answers at ${address}`);
  });

  test("up heals a part that was killed, and leaves the others alone", async () => {
    const before = await status();
    const killed = await checkout.stack.kill("kernel");
    const hurt = await status();
    expect(hurt.workers.map(({ name, pid }) => [name, pid === null])).toEqual([
      ["kernel", true],
      ["ml", false],
      ["gpu", false],
    ]);
    const healed: Shown = JSON.parse(await checkout.belay("up", "--json"));
    expect(healed).toEqual(contract([]));
    const [kernel, ...others] = healed.workers;
    expect(kernel?.pid).not.toBe(killed);
    expect([healed.stack, others]).toEqual([before.stack, before.workers.slice(1)]);
  });

  test("down stops it all, and a second one has nothing to do", async () => {
    const pids = (["postgres", "minio", "temporal", "kernel", "ml", "gpu"] as const).map((part) =>
      checkout.stack.pid(part),
    );
    expect(pids).not.toContain(undefined);
    await checkout.belay("down");
    expect(pids.filter((pid) => !isGone(pid as number))).toEqual([]);
    expect(await status()).toEqual({ stack: null, workers: [], runs: [] });
    await checkout.belay("down");
  });
});
