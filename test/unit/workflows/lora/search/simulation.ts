import type { RungRow } from "../../../../../activities/report/rows";
import {
  type ExperimentInput,
  ExperimentSpec,
  type TrialEndState,
  type TrialOutcome,
  type TrialParams,
} from "../../../../../workflows/contracts";
import { Search } from "../../../../../workflows/lora/search/search";
import { newSearch, type SearchState } from "../../../../../workflows/lora/search/state";
import { pick, random } from "../../../../support/seeded";

/** What a simulated trial is fated to do: its value at a step, if it has one, and whether it breaks on the way. */
export interface Fate {
  value(trial: number, step: number): number | null;
  breaksAt?(trial: number): { step: number; state: "diverged" | "failed" | "cancelled" } | null;
}

export interface History {
  asks: { trials: number[]; tellCount: number; pending: number[] }[];
  tells: Map<number, number>;
  verdicts: Map<string, string>;
  /** Rows as the workflow records them. */
  trials: { trial: number; params: TrialParams; tellCount: number }[];
  decisions: RungRow[];
  ends: Map<number, TrialEndState>;
  mostRunning: number;
  largestState: number;
}

export interface Simulated {
  spec: NonNullable<ExperimentInput["search"]>;
  totalSteps: number;
  fate: Fate;
  /** Order of events is drawn from this. */
  seed: number;
  maxConcurrent?: (event: number) => number;
  /** Parameters that a trial has beside its rate. */
  extraParams?: (trial: number) => TrialParams;
  /** After how many events the state is carried over. */
  carryEvery?: number;
}

/** Lives through a whole search without a server: trials advance in an order drawn from the seed. */
export function simulate({
  spec,
  totalSteps,
  fate,
  seed,
  maxConcurrent,
  carryEvery,
  extraParams,
}: Simulated): { history: History; search: Search } {
  const {
    search: searchSpec,
    train,
    lora,
  } = ExperimentSpec.parse({
    name: "simulated",
    model: { model_name_or_path: "m" },
    dataset: { path: "d" },
    search: spec,
    train: { max_steps: totalSteps },
  });
  const setup = { run: "run", search: searchSpec, train, lora, plannedSteps: totalSteps, sequences: 100 };
  const draw = random(seed);
  let search = new Search(setup, newSearch());
  const history: History = {
    asks: [],
    trials: [],
    tells: new Map(),
    verdicts: new Map(),
    decisions: [],
    ends: new Map(),
    mostRunning: 0,
    largestState: 0,
  };
  /** Next rung of each trial that trains. */
  const training = new Map<number, number>();
  const note = (decisions: ReturnType<Search["report"]>) => {
    for (const { ordinal, report, verdict, seen } of decisions) {
      const { metrics: _, ...rest } = report;
      history.decisions.push({ ...rest, ordinal, seen, verdict });
    }
  };
  const end = (trial: number, state: TrialOutcome["state"], step: number, value: number | null) => {
    training.delete(trial);
    history.ends.set(trial, state);
    const checkpoint = {
      manifest: { uri: `s3://b/${trial}`, sha256: "0".repeat(64), sizeBytes: 1, mediaType: "" },
      step,
      epoch: 1,
    };
    const finished = search.finish({
      trial,
      state,
      value,
      step,
      checkpoint,
      metrics: {},
      trainableParams: 10,
      gpuSeconds: 1,
      adapter: null,
      adapterSha256: null,
      error: null,
    });
    if (finished === null) throw new Error(`trial ${trial} ended twice`);
    if (finished.ordinal !== null) history.tells.set(finished.ordinal, trial);
    note(finished.decisions);
  };
  for (let event = 0; ; event++) {
    const limit = maxConcurrent?.(event) ?? searchSpec.max_concurrent_trials;
    const ask = search.nextAsk(limit);
    if (ask !== null) {
      history.asks.push(ask);
      const proposals = ask.trials.map((trial) => ({
        trial,
        params: { learning_rate: 0.001 * (trial + 1), ...extraParams?.(trial) },
        modelBased: false,
      }));
      history.trials.push(...search.propose(ask, proposals, false));
    }
    for (const { trial, rung, verdict } of search.verdictsToSend(limit)) {
      history.verdicts.set(`${trial}/${rung}`, verdict);
      if (verdict === "continue") training.set(trial, rung + 1);
      else end(trial, "pruned", 1, null);
    }
    for (const started of search.startable(limit)) training.set(started.trial, 0);
    history.mostRunning = Math.max(history.mostRunning, training.size);
    if (training.size === 0 && search.open().length === 0 && search.nextAsk(limit) === null) {
      if (!search.isExhausted || search.replicate().length === 0) break;
      continue;
    }
    if (training.size > 0) {
      const trial = pick(draw, [...training.keys()]);
      const live = search.find(trial);
      if (live === undefined) throw new Error(`trial ${trial} trains, but is not open`);
      const rung = training.get(trial) as number;
      const steps = search.rungsOf(live);
      const target = steps[rung] ?? live.totalSteps;
      const breaks = fate.breaksAt?.(trial) ?? null;
      const value = fate.value(trial, target);
      if (breaks !== null && breaks.step <= target) end(trial, breaks.state, breaks.step, null);
      else if (rung < steps.length) {
        training.delete(trial);
        note(
          search.report({
            trial,
            rung,
            step: target,
            value,
            metrics: value === null ? {} : { eval_loss: value },
          }),
        );
      } else end(trial, "completed", target, value);
    }
    if (carryEvery !== undefined && event % carryEvery === 0) {
      const carried = JSON.stringify(search.carry());
      history.largestState = Math.max(history.largestState, carried.length);
      search = new Search(setup, JSON.parse(carried) as SearchState);
    }
  }
  return { history, search };
}
