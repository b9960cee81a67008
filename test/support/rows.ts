import type { OpenTrial, RunRecord, TrialOutcome } from "../../workflows/contracts";

/** Records as workflows write them. */
export const record = (run: string, change: Partial<RunRecord> = {}): RunRecord => ({
  run,
  name: "a",
  state: "running",
  stage: "search",
  ...change,
});

export const trial = (run: string, n: number, change: Partial<OpenTrial> = {}): OpenTrial => ({
  trial: n,
  workflowId: `${run}/trial-${n}`,
  params: { learning_rate: 0.01, r: 4 },
  modelBased: false,
  tellCount: 0,
  pending: [],
  seed: 42,
  replicateOf: null,
  ...change,
});

export const outcome = (n: number, change: Partial<TrialOutcome> = {}): TrialOutcome => ({
  trial: n,
  state: "completed",
  value: 0.5,
  step: 100,
  metrics: { eval_loss: 0.5 },
  trainableParams: 1000,
  gpuSeconds: 2.5,
  checkpoint: null,
  adapter: null,
  adapterSha256: null,
  error: null,
  ...change,
});
