import type { ExperimentContinuation } from "../../workflows/contracts";
import type { TemporalServer } from "../support/temporal";
import { type ExperimentHandle, experiment, startExperiment } from "../workflow/support/experiments";
import type { Laboratory } from "../workflow/support/laboratory";

/** One recorded life of an experiment. */
export interface Scenario {
  name: string;
  /** Workflow ids below the run's whose histories are kept beside the run's own. */
  keep: string[];
  live(server: TemporalServer, laboratory: Laboratory, run: string): Promise<unknown>;
}

const steps = { train: { max_steps: 20 }, save: { save_steps: 5 } };
const halving = { pruner: "asha" as const, asha: { grace_steps: 5, reduction_factor: 2 } };

const search = (settings: object, rest: object = {}) => experiment(settings, { ...steps, ...rest });

async function steered(
  server: TemporalServer,
  { bench }: Laboratory,
  run: string,
  steer: (handle: ExperimentHandle) => Promise<unknown>,
  options?: ExperimentContinuation["options"],
): Promise<void> {
  const hold = bench.hold(`${run}/trial-0`, 12);
  const handle = await startExperiment(
    server,
    run,
    search({ num_trials: 3, max_concurrent_trials: 2 }),
    options,
  );
  await bench.reached(hold);
  await steer(handle);
  bench.releaseAll();
  await handle.result().catch(() => undefined);
}

/** Every path that a running workflow may be on when it is upgraded. */
export const scenarios: Scenario[] = [
  {
    name: "asynchronous",
    keep: ["trial-0", "trial-3", "verify"],
    live: async (server, _, run) =>
      (
        await startExperiment(server, run, search({ num_trials: 4, max_concurrent_trials: 1, ...halving }))
      ).result(),
  },
  {
    name: "synchronous-bitwise",
    keep: ["trial-0", "trial-3", "verify"],
    live: async (server, _, run) => {
      const train = { max_steps: 20, full_determinism: true };
      const settings = {
        num_trials: 4,
        wave_size: 4,
        max_concurrent_trials: 2,
        deterministic: true,
        ...halving,
      };
      return (
        await startExperiment(server, run, search(settings, { train, output: { merge: "best" } }))
      ).result();
    },
  },
  {
    name: "replicates",
    keep: ["trial-2"],
    live: async (server, _, run) =>
      (await startExperiment(server, run, search({ num_trials: 2, replicates: 2, sampler: "tpe" }))).result(),
  },
  {
    name: "engine-lost",
    keep: ["trial-0", "trial-1"],
    live: async (server, { bench }, run) => {
      bench.plan(`${run}/trial-0`, "crash", 12, 99);
      bench.plan(`${run}/trial-1`, "storage", 12);
      return (await startExperiment(server, run, search({ num_trials: 2 }))).result();
    },
  },
  {
    name: "all-diverged",
    keep: ["trial-0"],
    live: async (server, { bench }, run) => {
      bench.plan(`${run}/trial-0`, "diverge", 7);
      return (await startExperiment(server, run, search({ num_trials: 1 }))).result().catch(() => undefined);
    },
  },
  {
    name: "paused-and-resumed",
    keep: ["trial-0"],
    live: (server, laboratory, run) =>
      steered(server, laboratory, run, async (handle) => {
        await handle.executeUpdate("pause");
        await laboratory.bench.until(() => laboratory.bench.training.size === 0, "nobody trains");
        await handle.executeUpdate("resume");
      }),
  },
  {
    name: "cancelled-by-update",
    keep: ["trial-0"],
    live: (server, laboratory, run) =>
      steered(server, laboratory, run, (handle) => handle.executeUpdate("cancel")),
  },
  {
    name: "cancelled-natively",
    keep: ["trial-0"],
    live: (server, laboratory, run) => steered(server, laboratory, run, (handle) => handle.cancel()),
  },
  {
    name: "trial-terminated",
    keep: [],
    live: (server, laboratory, run) =>
      steered(server, laboratory, run, () => server.client.workflow.getHandle(`${run}/trial-0`).terminate()),
  },
  {
    name: "continued-as-new",
    keep: [],
    live: async (server, laboratory, run) =>
      steered(server, laboratory, run, async () => undefined, { maxHistoryLength: 40 }),
  },
];
