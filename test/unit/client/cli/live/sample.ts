import type { LiveState, TrialProgress } from "../../../../../client/cli/live/state";
import type { RunStatus, TrialRow } from "../../../../../workflows/contracts";

export const STARTED = Date.UTC(2026, 0, 2, 3, 4, 5);

export function status(changes: Partial<RunStatus> = {}): RunStatus {
  return {
    run: "quickstart-3f1c0a9b27de",
    name: "quickstart",
    state: "running",
    stage: "search",
    metric: "exact_match",
    mode: "max",
    numTrials: 8,
    maxConcurrentTrials: 4,
    counts: { pending: 4, running: 2, completed: 1, pruned: 1, diverged: 0, failed: 0, cancelled: 0 },
    best: { trial: 1, value: 0.6406, params: { learning_rate: 0.0100123, r: 16 } },
    startedAt: STARTED,
    gpuSeconds: 42.4,
    warnings: [],
    ...changes,
  };
}

export function trial(number: number, changes: Partial<TrialRow> = {}): TrialRow {
  return {
    trial: number,
    workflowId: `quickstart-3f1c0a9b27de/trial-${number}`,
    state: "running",
    params: { learning_rate: 0.0100123 / (number + 1), r: 2 ** (number % 4) },
    modelBased: number >= 4,
    rung: null,
    step: 0,
    totalSteps: 300,
    value: null,
    ...changes,
  };
}

export function live(changes: Partial<LiveState> = {}): LiveState {
  return {
    run: "quickstart-3f1c0a9b27de",
    uiUrl: "http://127.0.0.1:8233/namespaces/default/workflows/quickstart-3f1c0a9b27de",
    now: STARTED + 83_000,
    endedAt: null,
    status: status(),
    trials: [
      trial(0, { state: "pruned", rung: 0, step: 75, value: 0.0156 }),
      trial(1, { state: "completed", rung: 1, step: 300, value: 0.6406 }),
      trial(2, { rung: 0, step: 75, value: 0.12 }),
      trial(3),
    ],
    progress: new Map<number, TrialProgress>([
      [0, { step: 75, totalSteps: 300, loss: 1.23456, evaluation: null }],
      [
        2,
        {
          step: 120,
          totalSteps: 300,
          loss: 0.41251,
          evaluation: { step: 100, metrics: { exact_match: 0.2 } },
        },
      ],
      [3, { step: 31, totalSteps: 300, loss: null, evaluation: null }],
    ]),
    queued: new Set(),
    standsSince: null,
    underWay: null,
    retried: null,
    trouble: null,
    ...changes,
  };
}
